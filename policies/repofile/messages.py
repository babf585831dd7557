# SPDX-License-Identifier: Apache-2.0
"""What pydantic finds wrong, in words for whoever wrote the file, at the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from policies.repofile import schema, verbs
from policies.repofile.positions import Path, Positions, shown
from policies.repofile.problem import MOST, Problem
from policies.repofile.texts import REFUSED, described, nearest, quoted

Keys = Callable[[Path], tuple[str, ...]]

UNNAMED = "it is not as it should be"  # tests see to it that no file is told this
_KEY = "[key]"  # how pydantic says that it speaks of a key
_NEEDED = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "a text",
    "int_type": "a whole number",
}
# Keys that people look for in a place where they are not.
_ELSEWHERE = {
    ("environments", "instance"): "list it at instances.NAME.environments",
}


def problems(error: ValidationError, positions: Positions, keys: Keys = schema.keys) -> list[Problem]:
    """Return a problem for each of pydantic's errors, as far as they are told.

    `keys` says which keys a mapping at a path may have; without it, as in .fairway.yaml.
    """
    return [_problem(found, positions, keys) for found in error.errors(include_url=False)[:MOST]]


def _problem(found: Any, positions: Positions, keys: Keys) -> Problem:
    path: Path = tuple(part for part in found["loc"] if part != _KEY)
    message, remedy = _said(found["type"], found.get("ctx") or {}, found["input"], path, keys)
    about_key = found["type"] == "extra_forbidden" or _KEY in found["loc"]
    if found["type"] == "missing":
        path = path[:-1]
        about_key = True
    where = positions.of_key(path) if about_key else positions.of(path)
    return Problem(where, shown(path), message, remedy)


def _said(kind: str, context: Mapping[str, Any], value: Any, path: Path, keys: Keys) -> tuple[str, str]:
    match kind:
        case _ if kind == REFUSED:
            return context["message"], context["remedy"]
        case "extra_forbidden":
            return "there is no such key here", _meant(path, keys)
        case "missing":
            return f"{path[-1]} is missing", "write version: 1" if path == ("version",) else "add it"
        case "literal_error":
            words = re.findall(r"'(\w+)'", context["expected"])
            said = quoted(value) if isinstance(value, str) else described(value)
            near = nearest(value, words) if isinstance(value, str) else ""
            return f"it is {said}", f"did you mean {near}?" if near else f"write {_or(words)}"
        case "greater_than_equal" | "less_than_equal":
            bound = context.get("ge", context.get("le"))
            return f"it is {value}", f"write {bound} or {'more' if 'ge' in context else 'less'}"
        case "too_short":
            return "it is empty", "name something, or remove it"
        case "too_long":
            return f"it has more than {context['max_length']} entries", "remove some"
    if needed := _NEEDED.get(kind):
        return f"it is {described(value)}", _needed(needed, value, path)
    return UNNAMED, ""


def _needed(needed: str, value: Any, path: Path) -> str:
    if path[:1] == ("orders",) and (len(path) == 2 or (len(path) == 4 and path[2] == "environments")):
        return "write on, off, or a mapping with roles, users or teams"
    if needed == "a text" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if value is None:
        return f"write {needed}, or remove it" if path else "begin with version: 1"
    return f"write {needed}"


def _meant(path: Path, keys: Keys) -> str:
    *inside, key = path
    if inside and (elsewhere := _ELSEWHERE.get((str(inside[0]), str(key)))):
        return elsewhere
    known = keys(tuple(inside))
    if near := nearest(str(key), known):
        return f"did you mean {near}?"
    return f"known here: {', '.join(known)}" if len(known) <= len(verbs.ROLES) else ""


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
