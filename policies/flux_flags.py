# SPDX-License-Identifier: Apache-2.0
"""The flags of Flux's controllers, as FAIRWAY_<FLAG>: the same meaning, and the same defaults but one.

What a flag says about machinery that Fairway has not is accepted and named as being without effect.
"""

from __future__ import annotations

from dataclasses import dataclass

from policies import setting_values
from policies.feature_gates import GATES
from policies.feature_gates import parse as parse_gate
from policies.objects import GroupKind
from policies.setting import setting

# Variables that Flux's users may carry over, and why nothing follows from them.
WITHOUT_EFFECT = {
    "FAIRWAY_HTTP_RETRY": "artifacts are read from FAIRWAY_DATA, not over HTTP",
    "FAIRWAY_KUBE_API_QPS": "requests are not throttled here; the API server's priority and fairness is",
    "FAIRWAY_KUBE_API_BURST": "requests are not throttled here; the API server's priority and fairness is",
    "FAIRWAY_TOKEN_CACHE_MAX_SIZE": "tokens are kept for as long as they are used",
    "FAIRWAY_METRICS_ADDR": "metrics are on FAIRWAY_INTERNAL_LISTEN",
    "FAIRWAY_HEALTH_ADDR": "health is on FAIRWAY_INTERNAL_LISTEN",
    "FAIRWAY_EVENTS_ADDR": "events go to the cluster and to GitHub",
    "FAIRWAY_ENABLE_LEADER_ELECTION": "there is always one leader",
    "FAIRWAY_STORAGE_PATH": "artifacts lie in FAIRWAY_DATA",
    "FAIRWAY_STORAGE_ADDR": "artifacts are on FAIRWAY_INTERNAL_LISTEN",
    "FAIRWAY_STORAGE_ADV_ADDR": "the address of artifacts is FAIRWAY_ARTIFACT_URL",
    "FAIRWAY_LOG_ENCODING": "logs are lines of text",
}


@dataclass(frozen=True)
class FluxFlags:
    """What Flux's controllers are told by flags."""

    concurrent: int = setting(
        "FAIRWAY_CONCURRENT",
        "How many tasks a worker runs side by side.",
        16,
        check=setting_values.whole(1, 256),
    )
    concurrent_ssa: int = setting(
        "FAIRWAY_CONCURRENT_SSA",
        "How many objects of one Kustomization are dry-run side by side.",
        4,
        check=setting_values.whole(1, 64),
    )
    requeue_dependency: float = setting(
        "FAIRWAY_REQUEUE_DEPENDENCY",
        "How long until failing dependencies are looked at again without an event.",
        30.0,
        check=setting_values.duration,
        shown="30s",
    )
    min_retry_delay: float = setting(
        "FAIRWAY_MIN_RETRY_DELAY",
        "The first pause after a failed fetch; it doubles with each failure.",
        0.75,
        check=setting_values.duration,
        shown="750ms",
    )
    max_retry_delay: float = setting(
        "FAIRWAY_MAX_RETRY_DELAY",
        "The longest pause after a failed fetch.",
        900.0,
        check=setting_values.duration,
        shown="15m",
    )
    interval_jitter_percentage: int = setting(
        "FAIRWAY_INTERVAL_JITTER_PERCENTAGE",
        "By how much intervals are varied, either way.",
        5,
        check=setting_values.whole(0, 100),
    )
    no_cross_namespace_refs: bool = setting(
        "FAIRWAY_NO_CROSS_NAMESPACE_REFS",
        "Refuse references into other namespaces.",
        False,
        check=setting_values.boolean,
    )
    no_remote_bases: bool = setting(
        "FAIRWAY_NO_REMOTE_BASES",
        "Refuse kustomize bases outside of the source; Fairway always does.",
        True,
        check=setting_values.always_true,
    )
    default_service_account: str = setting(
        "FAIRWAY_DEFAULT_SERVICE_ACCOUNT",
        "The service account of Kustomizations, and of ImageRepositories of a cloud, that name none.",
        check=setting_values.dns_subdomain,
    )
    default_kubeconfig_service_account: str = setting(
        "FAIRWAY_DEFAULT_KUBECONFIG_SERVICE_ACCOUNT",
        "The service account that logs in to another cluster where spec.kubeConfig.configMapRef names none.",
        check=setting_values.dns_subdomain,
    )
    insecure_kubeconfig_exec: bool = setting(
        "FAIRWAY_INSECURE_KUBECONFIG_EXEC",
        "Run the programs that kubeconfigs name; Fairway never does.",
        False,
        check=setting_values.always_false,
    )
    insecure_kubeconfig_tls: bool = setting(
        "FAIRWAY_INSECURE_KUBECONFIG_TLS",
        "Let kubeconfigs switch off the verification of the server's certificate.",
        False,
        check=setting_values.boolean,
    )
    sops_age_secret: str = setting(
        "FAIRWAY_SOPS_AGE_SECRET",
        "The Secret in FAIRWAY_NAMESPACE with age keys for Kustomizations whose spec.decryption names none.",
        check=setting_values.dns_subdomain,
    )
    override_manager: tuple[str, ...] = setting(
        "FAIRWAY_OVERRIDE_MANAGER",
        "Field managers whose changes to managed objects are undone, separated by commas.",
        (),
        check=str,
    )
    custom_apply_stage_kinds: tuple[GroupKind, ...] = setting(
        "FAIRWAY_CUSTOM_APPLY_STAGE_KINDS",
        "Kinds that are applied after definitions and before the rest, as group/Kind, separated by commas.",
        (),
        check=setting_values.group_kind,
    )
    watch_all_namespaces: bool = setting(
        "FAIRWAY_WATCH_ALL_NAMESPACES",
        "Serve the objects of all namespaces, not only of FAIRWAY_NAMESPACE.",
        True,
        check=setting_values.boolean,
    )
    watch_label_selector: str = setting(
        "FAIRWAY_WATCH_LABEL_SELECTOR",
        "Serve only the objects with these labels.",
        check=setting_values.label_selector,
    )
    watch_configs_label_selector: str = setting(
        "FAIRWAY_WATCH_CONFIGS_LABEL_SELECTOR",
        "The ConfigMaps and Secrets whose change queues whatever refers to them.",
        "reconcile.fluxcd.io/watch=Enabled",
        check=setting_values.label_selector,
    )
    artifact_retention_ttl: float = setting(
        "FAIRWAY_ARTIFACT_RETENTION_TTL",
        "How long an artifact is kept after a newer one has come.",
        60.0,
        check=setting_values.duration,
        shown="1m0s",
    )
    artifact_retention_records: int = setting(
        "FAIRWAY_ARTIFACT_RETENTION_RECORDS",
        "How many artifacts of a source are kept at most.",
        2,
        check=setting_values.whole(1, 1000),
    )
    feature_gates: tuple[tuple[str, bool], ...] = setting(
        "FAIRWAY_FEATURE_GATES",
        "Flux's feature gates, as `Name=true,Other=false`.",
        (),
        check=parse_gate,
    )

    def gate(self, name: str) -> bool:
        """Tell whether a feature gate is on."""
        return dict(self.feature_gates).get(name, GATES[name].default)
