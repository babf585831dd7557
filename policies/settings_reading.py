# SPDX-License-Identifier: Apache-2.0
"""Settings out of the environment: every problem is gathered, with the variable's name and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from policies.flux_flags import WITHOUT_EFFECT, FluxFlags
from policies.setting_values import Secret

ReadFile = Callable[[str], str]

# Not settings of the processes, but ours: where the Go parts are kept.
_OTHER_VARIABLES = frozenset({"FAIRWAY_CACHE"})
# What Kubernetes puts into every pod beside a Service called fairway or fairway-….
_SERVICE_LINK = re.compile(r"FAIRWAY_(\w+_)?(SERVICE_(HOST|PORT\w*)|PORT(_\d+_\w+)?)")


def read(cls: type[Any], env: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for one in fields(cls):
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


def misspelt(cls: type[Any], env: Mapping[str, str]) -> list[str]:
    """Name variables that are nearly one of ours: a dropped letter must not switch a limit off in silence."""
    known = {one.metadata["variable"] for one in fields(cls) if "variable" in one.metadata}
    problems = []
    for name in sorted(env):
        if (
            not name.startswith("FAIRWAY_")
            or name in known | _OTHER_VARIABLES | WITHOUT_EFFECT.keys()
            or _SERVICE_LINK.fullmatch(name)
        ):
            continue
        if close := difflib.get_close_matches(name, known, n=1, cutoff=0.9):
            problems.append(f"{name} is not a setting: did you mean {close[0]}?")
    return problems


def read_secrets(values: dict[str, Any], read_file: ReadFile, role: str, problems: list[str]) -> None:
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


def table(cls: type[Any]) -> str:
    """Return the documentation's table of settings, in Markdown."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    from_flux = {one.name for one in fields(FluxFlags)}
    for one in sorted(fields(cls), key=lambda one: one.name in from_flux):
        if variable := one.metadata.get("variable"):
            default = str(one.default).lower() if isinstance(one.default, bool) else one.default
            shown = "" if default in ("", None, ()) else f"`{one.metadata.get('shown', default)}`"
            rows.append(f"| `{variable}` | {shown} | {one.metadata['meaning']} |")
    rows += [f"| `{variable}` |  | No effect: {why}. |" for variable, why in WITHOUT_EFFECT.items()]
    return "\n".join(rows) + "\n"
