# SPDX-License-Identifier: Apache-2.0
"""The single values of the file: each check returns the value, or says what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from policies.repofile import verbs

REFUSED = "fairway"  # the type of pydantic's error when its message and remedy are ours
_SHOWN = 40  # characters

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_CLUSTER = r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?"
_LOGIN = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,98}[A-Za-z0-9])?"
_TEAM = rf"{_LOGIN}/[a-z0-9]([a-z0-9_-]{{0,98}}[a-z0-9_-])?"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_ZONE = r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,32}){0,2}"
_DURATION = r"([0-9]{1,6}(\.[0-9]{1,6})?(ms|s|m|h))+"


def refused(message: str, remedy: str = "") -> PydanticCustomError:
    """Return the error that turns into a problem with this message and remedy."""
    # pydantic fills braces in a message; a text of the file may have some.
    return PydanticCustomError(REFUSED, "{message}", {"message": message, "remedy": remedy})


def quoted(text: str) -> str:
    """Return a text of the file as it can stand in a message: short, in quotes, on one line."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return what a word was probably meant to be, or nothing."""
    by_case = {name.casefold(): name for name in known}
    # A long word is near to none of ours, and comparing it would take its time.
    near = difflib.get_close_matches(word[:64].casefold(), by_case, n=1, cutoff=0.6)
    return by_case[near[0]] if near else ""


@dataclass(frozen=True)
class _Text:
    """What a text must look like, what it then is, and what to write instead of one that does not."""

    pattern: str
    what: str
    remedy: Callable[[str], str]

    def check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise refused(f"{quoted(text)} is no {self.what}", self.remedy(text))
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.pattern}$"}


def _label_remedy(text: str) -> str:
    return "write up to 63 small letters, digits and dashes"


def _login_remedy(text: str) -> str:
    if text.startswith("@"):
        return f"write it without @, as {quoted(text[1:])}"
    return "list it under teams" if "/" in text else "write the login of a user"


def _team_remedy(text: str) -> str:
    if text.startswith("@"):
        return f"write it without @, as {quoted(text[1:])}"
    return "write organization/team, with the team as it stands in its address"


Environment = Annotated[str, _Text(_LABEL, "name of an environment", _label_remedy)]
Namespace = Annotated[str, _Text(_LABEL, "namespace", _label_remedy)]
Cluster = Annotated[
    str,
    _Text(_CLUSTER, "name of a cluster", lambda _: "write the FAIRWAY_CLUSTER of one that Fairway serves"),
]
Login = Annotated[str, _Text(_LOGIN, "login", _login_remedy)]
Team = Annotated[str, _Text(_TEAM, "team", _team_remedy)]
TimeOfDay = Annotated[str, _Text(_TIME, "time of day", lambda _: "write it like 08:00")]
Zone = Annotated[str, _Text(_ZONE, "time zone", lambda _: "write it like Europe/Berlin or UTC")]
Duration = Annotated[str, _Text(_DURATION, "duration", lambda _: "write it like 30m, 72h or 1h30m")]


def _switch(value: Any) -> Any:
    if value in ("on", "off"):
        return value == "on"
    if isinstance(value, bool):
        return value
    said = quoted(value) if isinstance(value, str) else described(value)
    raise refused(f"it is {said}", "write on or off, without quotes")


SWITCH_SCHEMA: dict[str, Any] = {"enum": [True, False, "on", "off"]}
Switch = Annotated[bool, BeforeValidator(_switch), WithJsonSchema(SWITCH_SCHEMA)]


def _version(value: Any) -> Any:
    if type(value) is int and value == 1:
        return value
    said = f"version {value}" if type(value) is int else described(value)
    raise refused(f"{said} is not known here" if type(value) is int else f"it is {said}", "write version: 1")


def _verb(verb: str) -> str:
    if verb in verbs.ROLES:
        return verb
    bare = verb.removeprefix("/").lower()
    near = bare if bare in verbs.ROLES else nearest(bare, verbs.ROLES)
    raise refused(
        "there is no such order",
        f"did you mean {near}?" if near else f"known are {', '.join(sorted(verbs.ROLES))}",
    )


Verb = Annotated[str, AfterValidator(_verb)]
Version = Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": 1})]


def described(value: Any) -> str:
    """Say what a value is, for the case that it is not what it should be."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return "a list" if isinstance(value, list) else "a mapping"
