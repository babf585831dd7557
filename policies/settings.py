# SPDX-License-Identifier: Apache-2.0
"""Everything that can be set, read once at start and checked as a whole.

Values come from FAIRWAY_* variables; secrets come from files and never show. A start that cannot work is
refused with every problem at once, each with the variable's name and what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from typing import Any, Literal

from policies import setting_values
from policies.errors import SettingsError
from policies.setting_values import Secret

ReadFile = Callable[[str], str]

# Not settings of the processes, but ours: where the Go parts are kept.
_OTHER_VARIABLES = frozenset({"FAIRWAY_CACHE"})
# What Kubernetes puts into every pod beside a Service called fairway or fairway-….
_SERVICE_LINK = re.compile(r"FAIRWAY_(\w+_)?(SERVICE_(HOST|PORT\w*)|PORT(_\d+_\w+)?)")


def _setting(
    variable: str, meaning: str, default: Any = "", *, check: setting_values.Check | None = None, **more: Any
) -> Any:
    return field(
        default=default,
        repr=not more.get("hidden", False),
        metadata={"variable": variable, "meaning": meaning, "check": check, **more},
    )


@dataclass(frozen=True)
class Settings:
    """How this Fairway is set up."""

    cluster: str = _setting(
        "FAIRWAY_CLUSTER",
        "The cluster's name in commit statuses: `fairway/<cluster>`.",
        "default",
        check=setting_values.cluster_name,
    )
    redis_url: str = _setting(
        "FAIRWAY_REDIS_URL",
        "Where Redis is: `redis://` or `rediss://`; `fairway up` brings one when unset.",
        check=setting_values.redis_url,
        hidden=True,  # it may carry a password
    )
    public_url: str = _setting(
        "FAIRWAY_PUBLIC_URL",
        "Where people reach the pages that commit statuses link to; the internal listener when unset.",
        check=setting_values.base_url,
    )
    github_url: str = _setting(
        "FAIRWAY_GITHUB_URL", "GitHub's address.", "https://github.com", check=setting_values.base_url
    )
    github_api_url: str = _setting(
        "FAIRWAY_GITHUB_API_URL",
        "The address of its API; `https://HOST/api/v3` on an Enterprise Server.",
        "https://api.github.com",
        check=setting_values.base_url,
    )
    github_app_id: str = _setting(
        "FAIRWAY_GITHUB_APP_ID", "The GitHub App's id or client id.", check=setting_values.app_id
    )
    github_private_key_file: str = _setting(
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE", "The file with the App's private key, in PEM form."
    )
    webhook_secret_file: str = _setting(
        "FAIRWAY_WEBHOOK_SECRET_FILE", "The file with the App's webhook secret; `web` does not start without."
    )
    webhook_secret: Secret = field(default_factory=lambda: Secret(""))
    github_accounts: tuple[str, ...] = _setting(
        "FAIRWAY_GITHUB_ACCOUNTS",
        "The accounts whose events count, separated by commas. Unset: every account's, which is right only"
        " for an App that nobody else can install.",
        (),
        check=setting_values.account,
    )
    tenancy: Literal["single", "strict"] = _setting(
        "FAIRWAY_TENANCY",
        "`single`: those accounts may concern everything in the cluster; `strict`: a RepositoryBinding"
        " decides.",
        "single",
        check=setting_values.one_of("single", "strict"),
    )
    data_dir: str = _setting(
        "FAIRWAY_DATA",
        "The folder of mirrors and artifacts; shared by all processes.",
        "/var/lib/fairway",
        check=setting_values.absolute_path,
    )
    public_listen: str = _setting(
        "FAIRWAY_LISTEN", "Where webhooks come in.", "127.0.0.1:8080", check=setting_values.listen_address
    )
    internal_listen: str = _setting(
        "FAIRWAY_INTERNAL_LISTEN",
        "Where health, metrics, artifacts and pages are.",
        "127.0.0.1:9292",
        check=setting_values.listen_address,
    )
    artifact_url: str = _setting(
        "FAIRWAY_ARTIFACT_URL",
        "The base of artifacts' URLs; the internal listener when unset.",
        check=setting_values.base_url,
    )
    kubeconfig: str | None = _setting("KUBECONFIG", "The kubeconfig; in the cluster none is needed.", None)
    context: str | None = _setting(
        "FAIRWAY_CONTEXT", "The kubeconfig's context; its current one when unset.", None
    )
    namespace: str = _setting(
        "FAIRWAY_NAMESPACE",
        "Fairway's own namespace; its Leases lie there.",
        "fairway-system",
        check=setting_values.dns_label,
    )
    concurrent: int = _setting(
        "FAIRWAY_CONCURRENT",
        "How many tasks a worker runs side by side.",
        16,
        check=setting_values.whole(1, 256),
    )
    interval_jitter_percentage: int = _setting(
        "FAIRWAY_INTERVAL_JITTER_PERCENTAGE",
        "By how much intervals are varied, either way.",
        5,
        check=setting_values.whole(0, 100),
    )
    no_cross_namespace_refs: bool = _setting(
        "FAIRWAY_NO_CROSS_NAMESPACE_REFS",
        "Refuse references into other namespaces.",
        False,
        check=setting_values.boolean,
    )
    default_service_account: str = _setting(
        "FAIRWAY_DEFAULT_SERVICE_ACCOUNT",
        "The service account of Kustomizations that name none.",
        check=setting_values.dns_subdomain,
    )
    allow_loopback: bool = _setting(
        "FAIRWAY_ALLOW_LOOPBACK",
        "Let Git and GitHub be on this machine; for the sandbox.",
        False,
        check=setting_values.boolean,
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str], read_file: ReadFile, *, role: str = "") -> Settings:
        """Read and check everything; `role` (web, worker, watch) adds what that process cannot do without.

        Raises SettingsError with a line for each problem.
        """
        values, problems = _read(env)
        problems += _misspelt(env)
        _read_secrets(values, read_file, role, problems)
        settings = cls(**values)
        given = {one.name for one in fields(cls) if env.get(one.metadata.get("variable", ""), "").strip()}
        problems += _contradictions(settings, given)
        problems += [text for name, text in _NEEDED[role] if name not in given]
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

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
        if self.github_accounts or self.allow_loopback:
            return []
        return [
            "FAIRWAY_GITHUB_ACCOUNTS is not set: events of every account that installs the App count;"
            " name yours, or make sure that nobody else can install it"
        ]


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


def _read(env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for one in fields(Settings):
        variable = one.metadata.get("variable")
        text = env.get(variable, "").strip() if variable else ""
        if not text:
            continue
        check = one.metadata["check"] or str
        try:
            if isinstance(one.default, tuple):
                values[one.name] = tuple(check(part.strip()) for part in text.split(",") if part.strip())
            else:
                values[one.name] = check(text)
        except ValueError as error:
            # An address may hold a password, so a refused value is shown only where it cannot be one.
            shown = "" if one.metadata.get("hidden") or "@" in text else f" is {_shortened(text)}"
            problems.append(f"{variable}{shown}: {error}")
    return values, problems


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _misspelt(env: Mapping[str, str]) -> list[str]:
    """Name variables that are nearly one of ours: a dropped letter must not switch a limit off in silence."""
    known = {one.metadata["variable"] for one in fields(Settings) if "variable" in one.metadata}
    problems = []
    for name in sorted(env):
        if (
            not name.startswith("FAIRWAY_")
            or name in known | _OTHER_VARIABLES
            or _SERVICE_LINK.fullmatch(name)
        ):
            continue
        if close := difflib.get_close_matches(name, known, n=1, cutoff=0.9):
            problems.append(f"{name} is not a setting: did you mean {close[0]}?")
    return problems


def _read_secrets(values: dict[str, Any], read_file: ReadFile, role: str, problems: list[str]) -> None:
    if path := values.get("webhook_secret_file"):
        text = _content(path, "FAIRWAY_WEBHOOK_SECRET_FILE", read_file, problems)
        if text == "":
            problems.append(
                f"FAIRWAY_WEBHOOK_SECRET_FILE: {path} is empty: write the App's webhook secret into it"
            )
        values["webhook_secret"] = Secret(text or "")
    # Only workers may need the key, and only they read it; its text is left where it is.
    if role == "worker" and (path := values.get("github_private_key_file")):
        text = _content(path, "FAIRWAY_GITHUB_PRIVATE_KEY_FILE", read_file, problems)
        if text is not None and "PRIVATE KEY-----" not in text:
            problems.append(
                f"FAIRWAY_GITHUB_PRIVATE_KEY_FILE: {path} holds no private key in PEM form:"
                " generate one on the App's page"
            )


def _content(path: str, variable: str, read_file: ReadFile, problems: list[str]) -> str | None:
    try:
        return read_file(path).strip()
    except OSError as error:
        problems.append(f"{variable}: {path} cannot be read: {error.strerror or error}")
    except UnicodeDecodeError:
        problems.append(f"{variable}: {path} is not a text file")
    return None


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


def table() -> str:
    """Return the documentation's table of settings, in Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for one in fields(Settings):
        if variable := one.metadata.get("variable"):
            default = str(one.default).lower() if isinstance(one.default, bool) else one.default
            shown = "" if default in ("", None, ()) else f"`{default}`"
            rows.append(f"| `{variable}` | {shown} | {one.metadata['meaning']} |")
    return "\n".join(rows) + "\n"
