# SPDX-License-Identifier: Apache-2.0
"""Everything that can be set, read once at start and checked as a whole.

Values come from FAIRWAY_* variables; secrets come from files and never show. A start that cannot work is
refused with every problem at once, each with the variable's name and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal
from urllib.parse import urlsplit

from policies.errors import SettingsError

ReadFile = Callable[[str], str]


class Secret:
    """A text that shows itself only to whoever asks for its value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(…)" if self._value else "Secret()"


def _setting(variable: str, meaning: str, default: Any = "") -> Any:
    return field(default=default, metadata={"variable": variable, "meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """How this Fairway is set up."""

    cluster: str = _setting("FAIRWAY_CLUSTER", "The cluster's name in commit statuses.", "default")
    redis_url: str = _setting("FAIRWAY_REDIS_URL", "Where Redis is; `fairway up` brings one when unset.")
    public_url: str = _setting("FAIRWAY_PUBLIC_URL", "Where people reach the pages; statuses link to it.")
    github_url: str = _setting("FAIRWAY_GITHUB_URL", "GitHub's address.", "https://github.com")
    github_api_url: str = _setting("FAIRWAY_GITHUB_API_URL", "Its API's address.", "https://api.github.com")
    github_app_id: str = _setting("FAIRWAY_GITHUB_APP_ID", "The GitHub App's id.")
    github_private_key_file: str = _setting(
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE", "The file with the App's private key, in PEM form."
    )
    webhook_secret_file: str = _setting(
        "FAIRWAY_WEBHOOK_SECRET_FILE", "The file with the App's webhook secret; `web` does not start without."
    )
    webhook_secret: Secret = field(default_factory=lambda: Secret(""))
    github_accounts: tuple[str, ...] = _setting(
        "FAIRWAY_GITHUB_ACCOUNTS", "Whose events count, separated by commas; empty: every account's.", ()
    )
    tenancy: Literal["single", "strict"] = _setting(
        "FAIRWAY_TENANCY",
        "`single`: all accounts above may concern everything; `strict`: bindings decide.",
        "single",
    )
    data_dir: str = _setting("FAIRWAY_DATA", "Where mirrors and artifacts lie.", "/var/lib/fairway")
    public_listen: str = _setting("FAIRWAY_LISTEN", "Where webhooks come in.", "127.0.0.1:8080")
    internal_listen: str = _setting(
        "FAIRWAY_INTERNAL_LISTEN", "Where health, metrics, artifacts and pages are.", "127.0.0.1:9292"
    )
    artifact_url: str = _setting(
        "FAIRWAY_ARTIFACT_URL", "The base of artifacts' URLs; the internal listener when unset."
    )
    kubeconfig: str | None = _setting("KUBECONFIG", "The kubeconfig; in the cluster none is needed.", None)
    context: str | None = _setting("FAIRWAY_CONTEXT", "The kubeconfig's context.", None)
    namespace: str = _setting(
        "FAIRWAY_NAMESPACE", "Fairway's own namespace; Leases lie there.", "fairway-system"
    )
    concurrent: int = _setting("FAIRWAY_CONCURRENT", "How many tasks a worker runs side by side.", 16)
    interval_jitter_percentage: int = _setting(
        "FAIRWAY_INTERVAL_JITTER_PERCENTAGE", "By how much intervals are varied.", 5
    )
    no_cross_namespace_refs: bool = _setting(
        "FAIRWAY_NO_CROSS_NAMESPACE_REFS", "Refuse references into other namespaces.", False
    )
    default_service_account: str = _setting(
        "FAIRWAY_DEFAULT_SERVICE_ACCOUNT", "The service account of Kustomizations that name none."
    )
    allow_loopback: bool = _setting(
        "FAIRWAY_ALLOW_LOOPBACK", "Let outside calls reach this machine; for the sandbox.", False
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str], read_file: ReadFile, *, role: str = "") -> Settings:
        """Read and check everything; `role` (web, worker, watch) adds what that process cannot do without.

        Raises SettingsError with a line for each problem.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for one in fields(cls):
            variable = one.metadata.get("variable")
            if variable and env.get(variable, "").strip():
                try:
                    values[one.name] = _parse(one.name, one.default, env[variable].strip())
                except ValueError as error:
                    problems.append(f"{variable}={env[variable]!r}: {error}")
        _read_secret(values, read_file, problems)
        settings = cls(**values)
        problems += _missing(settings, role)
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


def _read_secret(values: dict[str, Any], read_file: ReadFile, problems: list[str]) -> None:
    path = values.get("webhook_secret_file")
    if not path:
        return
    try:
        values["webhook_secret"] = Secret(read_file(path).strip())
    except OSError as error:
        problems.append(f"FAIRWAY_WEBHOOK_SECRET_FILE: {path} cannot be read: {error.strerror}")
        return
    if not values["webhook_secret"]:
        problems.append(
            f"FAIRWAY_WEBHOOK_SECRET_FILE: {path} is empty: write the App's webhook secret into it"
        )


def _missing(settings: Settings, role: str) -> list[str]:
    problems = []
    if role and not settings.redis_url:
        problems.append("FAIRWAY_REDIS_URL is not set: give the address of a Redis, or run `fairway up`")
    if role == "web" and not settings.webhook_secret_file:
        problems.append(
            "FAIRWAY_WEBHOOK_SECRET_FILE is not set: unsigned webhooks are never accepted;"
            " write the App's webhook secret into a file and name it"
        )
    if bool(settings.github_app_id) != bool(settings.github_private_key_file):
        problems.append(
            "FAIRWAY_GITHUB_APP_ID and FAIRWAY_GITHUB_PRIVATE_KEY_FILE go together: set both or neither"
        )
    return problems


def _parse(name: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError("write true or false")
        return text.lower() in ("true", "1")
    if isinstance(default, int):
        if not text.isdigit():
            raise ValueError("write a whole number")
        return _in_range(name, int(text))
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return _checked(name, text)


def _in_range(name: str, number: int) -> int:
    low, high = (1, 1000) if name == "concurrent" else (0, 100)
    if not low <= number <= high:
        raise ValueError(f"write a number from {low} to {high}")
    return number


def _checked(name: str, text: str) -> str:
    if name.endswith("_url"):
        allowed = ("redis", "rediss", "unix") if name == "redis_url" else ("http", "https")
        parts = urlsplit(text)
        if parts.scheme not in allowed or not (parts.netloc or parts.path):
            raise ValueError(f"write a URL that starts with {' or '.join(s + '://' for s in allowed)}")
        return text.rstrip("/")
    if name.endswith("_listen") and not re.fullmatch(
        r"[^\s/:]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}", text
    ):
        raise ValueError("write host:port")
    if name == "tenancy" and text not in ("single", "strict"):
        raise ValueError("write single or strict")
    if name == "cluster" and not re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?", text):
        raise ValueError("write up to 63 small letters, digits, dots and dashes")
    return text


def table() -> str:
    """Return the documentation's table of settings, in Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for one in fields(Settings):
        if variable := one.metadata.get("variable"):
            shown = (
                ""
                if one.default in ("", None, ())
                else f"`{str(one.default).lower() if isinstance(one.default, bool) else one.default}`"
            )
            rows.append(f"| `{variable}` | {shown} | {one.metadata['meaning']} |")
    return "\n".join(rows) + "\n"
