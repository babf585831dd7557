# SPDX-License-Identifier: Apache-2.0
"""Everything that can be set, read once at start and checked as a whole.

Values come from FAIRWAY_* variables; secrets come from files and never show. A start that cannot work is
refused with every problem at once, each with the variable's name and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import Literal

from policies import feature_gates, setting_values, settings_reading
from policies.account_login import GATE
from policies.errors import SettingsError
from policies.flux_flags import WITHOUT_EFFECT, FluxFlags
from policies.scope import Scope
from policies.setting import setting
from policies.setting_values import Secret
from policies.settings_reading import ReadFile


@dataclass(frozen=True)
class Settings(FluxFlags):
    """How this Fairway is set up."""

    cluster: str = setting(
        "FAIRWAY_CLUSTER",
        "The cluster's name in commit statuses: `fairway/<cluster>`.",
        "default",
        check=setting_values.cluster_name,
    )
    redis_url: str = setting(
        "FAIRWAY_REDIS_URL",
        "Where Redis is: `redis://` or `rediss://`; `fairway up` brings one when unset.",
        check=setting_values.redis_url,
        hidden=True,  # it may carry a password
    )
    public_url: str = setting(
        "FAIRWAY_PUBLIC_URL",
        "Where people reach the pages that commit statuses link to; the internal listener when unset.",
        check=setting_values.base_url,
    )
    github_url: str = setting(
        "FAIRWAY_GITHUB_URL", "GitHub's address.", "https://github.com", check=setting_values.base_url
    )
    github_api_url: str = setting(
        "FAIRWAY_GITHUB_API_URL",
        "The address of its API; `https://HOST/api/v3` on an Enterprise Server.",
        "https://api.github.com",
        check=setting_values.base_url,
    )
    github_app_id: str = setting(
        "FAIRWAY_GITHUB_APP_ID", "The GitHub App's id or client id.", check=setting_values.app_id
    )
    github_private_key_file: str = setting(
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE", "The file with the App's private key, in PEM form."
    )
    webhook_secret_file: str = setting(
        "FAIRWAY_WEBHOOK_SECRET_FILE", "The file with the App's webhook secret; `web` does not start without."
    )
    without_effect: tuple[str, ...] = ()
    webhook_secret: Secret = field(default_factory=lambda: Secret(""))
    github_accounts: tuple[str, ...] = setting(
        "FAIRWAY_GITHUB_ACCOUNTS",
        "The accounts whose events count, separated by commas. Unset: every account's, which is right only"
        " for an App that nobody else can install.",
        (),
        check=setting_values.account,
    )
    tenancy: Literal["single", "strict"] = setting(
        "FAIRWAY_TENANCY",
        "`single`: those accounts may concern everything in the cluster; `strict`: a RepositoryBinding"
        " decides.",
        "single",
        check=setting_values.one_of("single", "strict"),
    )
    data_dir: str = setting(
        "FAIRWAY_DATA",
        "The folder of mirrors and artifacts; shared by all processes.",
        "/var/lib/fairway",
        check=setting_values.absolute_path,
    )
    public_listen: str = setting(
        "FAIRWAY_LISTEN", "Where webhooks come in.", "127.0.0.1:8080", check=setting_values.listen_address
    )
    internal_listen: str = setting(
        "FAIRWAY_INTERNAL_LISTEN",
        "Where health, metrics, artifacts and pages are.",
        "127.0.0.1:9292",
        check=setting_values.listen_address,
    )
    artifact_url: str = setting(
        "FAIRWAY_ARTIFACT_URL",
        "The base of artifacts' URLs; the internal listener when unset.",
        check=setting_values.base_url,
    )
    kubeconfig: str | None = setting("KUBECONFIG", "The kubeconfig; in the cluster none is needed.", None)
    context: str | None = setting(
        "FAIRWAY_CONTEXT", "The kubeconfig's context; its current one when unset.", None
    )
    namespace: str = setting(
        "FAIRWAY_NAMESPACE",
        "Fairway's own namespace; its Leases lie there.",
        "fairway-system",
        check=setting_values.dns_label,
    )
    flux_namespace: str = setting(
        "FAIRWAY_FLUX_NAMESPACE",
        "Where Flux is, or was: its leader Leases are taken there.",
        "flux-system",
        check=setting_values.dns_label,
    )
    allow_loopback: bool = setting(
        "FAIRWAY_ALLOW_LOOPBACK",
        "Let Git, GitHub and registries be on this machine; for the sandbox.",
        False,
        check=setting_values.boolean,
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str], read_file: ReadFile, *, role: str = "") -> Settings:
        """Read and check everything; `role` (web, worker, watch) adds what that process cannot do without.

        Raises SettingsError with a line for each problem.
        """
        values, problems = settings_reading.read(cls, env)
        problems += settings_reading.misspelt(cls, env)
        settings_reading.read_secrets(values, read_file, role, problems)
        settings = cls(**values, without_effect=tuple(name for name in WITHOUT_EFFECT if env.get(name)))
        given = {one.name for one in fields(cls) if env.get(one.metadata.get("variable", ""), "").strip()}
        problems += _contradictions(settings, given)
        problems += [text for name, text in _NEEDED[role] if name not in given]
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    @property
    def scope(self) -> Scope:
        """Which objects are served."""
        return Scope(self.watch_label_selector, "" if self.watch_all_namespaces else self.namespace)

    @property
    def artifact_base(self) -> str:
        return (self.artifact_url or f"http://{self.internal_listen}").rstrip("/")

    @property
    def pages_base(self) -> str:
        return (self.public_url or f"http://{self.internal_listen}").rstrip("/")

    def allows_account(self, login: str) -> bool:
        """Tell whether events of an account count; anybody can install a public App and send signed ones."""
        return not self.github_accounts or login.casefold() in {a.casefold() for a in self.github_accounts}

    def warnings(self) -> list[str]:
        """Return what will work and should still be looked at."""
        found = [f"{name} has no effect: {WITHOUT_EFFECT[name]}" for name in self.without_effect]
        found += feature_gates.warnings(self.feature_gates)
        if not self.github_accounts and not self.allow_loopback:
            found.append(
                "FAIRWAY_GITHUB_ACCOUNTS is not set: events of every account that installs the App count;"
                " name yours, or make sure that nobody else can install it"
            )
        return found


_REDIS_NEEDED = (
    "redis_url",
    "FAIRWAY_REDIS_URL is not set: give the address of a Redis, or run `fairway up`, which brings one",
)
_NEEDED: dict[str, tuple[tuple[str, str], ...]] = {
    "": (),
    "web": (
        _REDIS_NEEDED,
        (
            "webhook_secret_file",
            "FAIRWAY_WEBHOOK_SECRET_FILE is not set: unsigned webhooks are never accepted;"
            " write the App's webhook secret into a file and name it here",
        ),
    ),
    "worker": (
        _REDIS_NEEDED,
        (
            "github_app_id",
            "FAIRWAY_GITHUB_APP_ID is not set: without the App no commit status can be written;"
            " give the id shown on the App's page",
        ),
        (
            "github_private_key_file",
            "FAIRWAY_GITHUB_PRIVATE_KEY_FILE is not set: generate a private key on the App's page and"
            " name its file here",
        ),
    ),
    "watch": (_REDIS_NEEDED,),
}


def _contradictions(settings: Settings, given: set[str]) -> list[str]:
    problems = []
    if settings.public_listen.rpartition(":")[2] == settings.internal_listen.rpartition(":")[2]:
        # The port tells the two apart, so that nothing internal can be reached by naming another host.
        problems.append(
            "FAIRWAY_LISTEN and FAIRWAY_INTERNAL_LISTEN have the same port: give each its own, since"
            " only webhooks may be reachable from outside"
        )
    if len(given & {"github_app_id", "github_private_key_file"}) == 1:
        problems.append(
            "FAIRWAY_GITHUB_APP_ID and FAIRWAY_GITHUB_PRIVATE_KEY_FILE go together: set both or neither"
        )
    if settings.default_kubeconfig_service_account and not settings.gate(GATE):
        problems.append(
            "FAIRWAY_DEFAULT_KUBECONFIG_SERVICE_ACCOUNT: cannot set default service accounts when the feature"
            f" gate {GATE} is not enabled: set FAIRWAY_FEATURE_GATES={GATE}=true"
        )
    if _is_wildcard(settings.internal_listen):
        problems += [
            f"FAIRWAY_INTERNAL_LISTEN is {settings.internal_listen}, which nobody can call:"
            f" set {variable} to the address {whose} use"
            for variable, name, whose in (
                ("FAIRWAY_ARTIFACT_URL", "artifact_url", "those who download artifacts"),
                ("FAIRWAY_PUBLIC_URL", "public_url", "people"),
            )
            if name not in given
        ]
    return problems


def _is_wildcard(listen: str) -> bool:
    host = listen.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
