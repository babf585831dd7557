# SPDX-License-Identifier: Apache-2.0
"""Kustomization, kustomize.toolkit.fluxcd.io/v1: a path of a source, rendered and applied."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from policies.kinds.kind import Definition, Kind, ready_columns
from policies.kinds.meta import Condition, Duration, Int64, LocalReference, Model, Time, default, seconds

_MINIMUM_TIMEOUT = 30.0  # seconds; Flux raises any shorter one to it
_EXACTLY_ONE = "exactly one of spec.kubeConfig.configMapRef or spec.kubeConfig.secretRef must be specified"


class CommonMetadata(Model):
    """Labels and annotations that every applied object gets."""

    annotations: dict[str, str] | None = Field(None, description="Annotations to set.")
    labels: dict[str, str] | None = Field(None, description="Labels to set.")


class Decryption(Model):
    """How encrypted files of the source are opened."""

    provider: Literal["sops"] = Field(description="The tool they were encrypted with.")
    secret_ref: LocalReference | None = Field(None, description="The Secret with the private keys.")
    service_account_name: str | None = Field(
        None, description="The service account to ask a key service with."
    )


class Dependency(Model):
    """A Kustomization that has to be ready first."""

    name: str = Field(description="Its name.")
    namespace: str | None = Field(None, description="Its namespace; ours by default.")
    ready_expr: str | None = Field(None, description="A CEL expression that says when it counts as ready.")


class HealthCheckExpression(Model):
    """How the health of objects of one kind is told, in CEL."""

    api_version: str = Field(description="The API version of the objects.")
    current: str = Field(description="Holds when the object is as wanted.")
    failed: str | None = Field(None, description="Holds when it will not come to be.")
    in_progress: str | None = Field(None, description="Holds while it is still changing.")
    kind: str | None = Field(None, description="The kind of the objects; all of the group by default.")


class HealthCheck(Model):
    """An object whose health counts for this Kustomization."""

    api_version: str | None = Field(None, description="Its API version.")
    kind: str = Field(description="Its kind.")
    name: str = Field(description="Its name.")
    namespace: str | None = Field(None, description="Its namespace; ours by default.")


class Selector(Model):
    """Which objects are meant; every part that is given has to match."""

    annotation_selector: str | None = Field(None, description="A selector over annotations.")
    group: str | None = Field(None, description="The API group.")
    kind: str | None = Field(None, description="The kind.")
    label_selector: str | None = Field(None, description="A selector over labels.")
    name: str | None = Field(None, description="The name, as a regular expression.")
    namespace: str | None = Field(None, description="The namespace, as a regular expression.")
    version: str | None = Field(None, description="The API version.")


class IgnoreRule(Model):
    """Fields of live objects that somebody else may change."""

    paths: list[str] = Field(description="JSON pointers to the fields.")
    target: Selector | None = Field(None, description="The objects meant; all by default.")


class Image(Model):
    """Another name, tag or digest for an image."""

    digest: str | None = Field(None, description="The digest to use; it goes before a tag.")
    name: str = Field(description="The image as it stands in the source, without tag.")
    new_name: str | None = Field(None, description="The name to use.")
    new_tag: str | None = Field(None, description="The tag to use.")


class KeyReference(Model):
    """A key of a Secret in the same namespace."""

    key: str | None = Field(None, description="The key; value or value.yaml by default.")
    name: str = Field(description="The Secret's name.")


class KubeConfig(Model):
    """The cluster to apply to, when it is not the one we run in."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"message": _EXACTLY_ONE, "rule": "has(self.configMapRef) || has(self.secretRef)"},
                {"message": _EXACTLY_ONE, "rule": "!has(self.configMapRef) || !has(self.secretRef)"},
            ]
        }
    )

    config_map_ref: LocalReference | None = Field(None, description="The ConfigMap that says how to log in.")
    secret_ref: KeyReference | None = Field(None, description="The Secret that holds a kubeconfig.")


class Patch(Model):
    """A change to rendered objects."""

    patch: str = Field(description="A strategic merge patch, or a list of JSON patch operations, as YAML.")
    target: Selector | None = Field(None, description="The objects it is for.")


class SubstituteReference(Model):
    """A ConfigMap or Secret whose keys are variables."""

    kind: Literal["Secret", "ConfigMap"] = Field(description="Which of the two.")
    name: str = Field(min_length=1, max_length=253, description="Its name.")
    optional: bool | None = Field(
        None, description="Whether it may be missing.", json_schema_extra=default(False)
    )


class PostBuild(Model):
    """Variables that are filled in after the rendering."""

    substitute: dict[str, str] | None = Field(None, description="Variables and their values.")
    substitute_from: list[SubstituteReference] | None = Field(
        None, description="Where more variables come from; a later one wins over an earlier."
    )
    substitute_strategy: Literal["WithVariables", "Always"] | None = Field(
        None, description="Whether defaults are filled in where there is no variable at all."
    )


class SourceReference(Model):
    """The source whose artifact is rendered."""

    api_version: str | None = Field(None, description="Its API version.")
    kind: Literal["OCIRepository", "GitRepository", "Bucket", "ExternalArtifact"] = Field(
        description="Its kind."
    )
    name: str = Field(description="Its name.")
    namespace: str | None = Field(None, description="Its namespace; ours by default.")


class KustomizationSpec(Model):
    """What to render, how to change it, and how to apply it."""

    build_metadata: list[Literal["originAnnotations", "transformerAnnotations"]] | None = Field(
        None, description="Which annotations about their making the objects get."
    )
    common_metadata: CommonMetadata | None = Field(None, description="Metadata that every object gets.")
    components: list[str] | None = Field(None, description="Kustomize components of the source to add.")
    decryption: Decryption | None = Field(None, description="How encrypted files are opened.")
    deletion_policy: Literal["MirrorPrune", "Delete", "WaitForTermination", "Orphan"] | None = Field(
        None, description="What becomes of the objects when this Kustomization is deleted."
    )
    depends_on: list[Dependency] | None = Field(
        None, description="Kustomizations that have to be ready first."
    )
    force: bool | None = Field(
        None,
        description="Whether an object with an immutable change is made anew.",
        json_schema_extra=default(False),
    )
    health_check_exprs: list[HealthCheckExpression] | None = Field(
        None, description="How the health of custom kinds is told."
    )
    health_checks: list[HealthCheck] | None = Field(None, description="The objects whose health counts.")
    ignore: list[IgnoreRule] | None = Field(None, description="Fields that are left to others.")
    ignore_missing_components: bool | None = Field(
        None, description="Whether a missing component is no error."
    )
    images: list[Image] | None = Field(None, description="Images to use instead of those in the source.")
    interval: Duration = Field(description="How often everything is rendered and compared again.")
    kube_config: KubeConfig | None = Field(None, description="The cluster to apply to.")
    name_prefix: str | None = Field(None, min_length=1, max_length=200, description="Put before every name.")
    name_suffix: str | None = Field(None, min_length=1, max_length=200, description="Put behind every name.")
    patches: list[Patch] | None = Field(None, description="Changes to the rendered objects.")
    path: str | None = Field(None, description="The folder of the source to render; its root by default.")
    post_build: PostBuild | None = Field(None, description="Variables to fill in.")
    prune: bool = Field(description="Whether what is no longer in the source is deleted.")
    retry_interval: Duration | None = Field(None, description="How soon to try again after a failure.")
    service_account_name: str | None = Field(None, description="The service account to apply as.")
    source_ref: SourceReference = Field(description="The source to render.")
    suspend: bool | None = Field(None, description="Whether to leave this Kustomization alone for now.")
    target_namespace: str | None = Field(
        None, min_length=1, max_length=63, description="The namespace to put objects in."
    )
    timeout: Duration | None = Field(None, description="How long applying, and becoming healthy, may take.")
    wait: bool | None = Field(None, description="Whether the health of every applied object counts.")


class InventoryEntry(Model):
    """An object that was applied."""

    id: str = Field(description="Namespace, name, group and kind, joined by underscores.")
    v: str = Field(description="The API version it was applied in.")


class Inventory(Model):
    """Everything that was applied."""

    entries: list[InventoryEntry] = Field(description="The objects.")


class Snapshot(Model):
    """One outcome of reconciling one rendered content."""

    digest: str = Field(description="Checksum of the rendered objects.")
    first_reconciled: Time = Field(description="When this outcome was seen first.")
    last_reconciled: Time = Field(description="When it was seen last.")
    last_reconciled_duration: str = Field(description="How long the last run took.")
    last_reconciled_status: str = Field(description="How it ended.")
    metadata: dict[str, str] | None = Field(None, description="The revision behind it.")
    total_reconciliations: Int64 = Field(description="How many times it was seen.")


class KustomizationStatus(Model):
    """What was applied last, and how it went."""

    conditions: list[Condition] | None = Field(None, description="How the Kustomization is doing.")
    history: list[Snapshot] | None = Field(None, description="The last five distinct outcomes.")
    inventory: Inventory | None = Field(None, description="What is applied.")
    last_applied_origin_revision: str | None = Field(
        None, description="The source revision behind an OCI artifact."
    )
    last_applied_revision: str | None = Field(
        None, description="The revision that was last applied in whole."
    )
    last_attempted_revision: str | None = Field(None, description="The revision that was last tried.")
    last_handled_reconcile_at: str | None = Field(
        None, description="The last reconcile request that was carried out."
    )
    observed_generation: Int64 | None = Field(None, description="The generation that was last carried out.")


class Kustomization(Kind):
    """A path of a source that is rendered, applied, kept so, and whose health is told."""

    definition: ClassVar[Definition] = Definition(
        group="kustomize.toolkit.fluxcd.io",
        version="v1",
        kind="Kustomization",
        plural="kustomizations",
        short_names=("ks",),
        categories=("all", "fluxcd", "fluxcd-appliers"),
        columns=ready_columns(),
        initial_status={"observedGeneration": -1},
    )

    spec: KustomizationSpec
    status: KustomizationStatus = KustomizationStatus()

    @property
    def interval_seconds(self) -> float:
        return seconds(self.spec.interval)

    @property
    def retry_interval_seconds(self) -> float:
        """When to try again after a failure, in seconds: the interval unless another is given."""
        return seconds(self.spec.retry_interval or self.spec.interval)

    @property
    def timeout_seconds(self) -> float:
        """How long each operation may take, in seconds: by default half a minute less than the interval."""
        asked = seconds(self.spec.timeout) if self.spec.timeout else self.interval_seconds - 30
        return max(asked, _MINIMUM_TIMEOUT)

    @property
    def deletion_policy(self) -> str:
        """What becomes of the applied objects when this Kustomization is deleted."""
        return self.spec.deletion_policy or "MirrorPrune"

    @property
    def substitute_strategy(self) -> str:
        """When variables are filled in: with at least one of them known, or always."""
        post_build = self.spec.post_build
        return (post_build and post_build.substitute_strategy) or "WithVariables"
