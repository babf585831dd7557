# SPDX-License-Identifier: Apache-2.0
"""Kubernetes label selectors: as one writes them (`app=web,tier in (a, b),!old`) and as objects have them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

_KEY = r"[A-Za-z0-9][-A-Za-z0-9_./]*"
_LABEL = re.compile(
    r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?", re.ASCII
)
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_SET = re.compile(rf"^({_KEY})\s+(in|notin)\s*\(([^()]*)\)$")
_EQUALS = re.compile(rf"^({_KEY})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)$")
_NUMBER = re.compile(rf"^({_KEY})\s*([<>])\s*(-?\d+)$")
_EXISTS = re.compile(rf"^(!?)\s*({_KEY})$")

Labels = Mapping[str, str]
Selector = Callable[[Labels], bool]


class InvalidSelector(ValueError):
    """The text is no label selector."""


def parse(text: str) -> Selector:
    """Return a predicate on labels; an empty selector takes everything. Raises InvalidSelector."""
    requirements = [_requirement(part.strip()) for part in _split(text) if part.strip()]
    return lambda labels: all(holds(labels) for holds in requirements)


def of_requirements(labels: Labels, asked: Iterable[tuple[str, str, Sequence[str]]]) -> Selector:
    """Return a predicate for matchLabels, and matchExpressions as key, operator and values.

    Raises InvalidSelector with the words of Kubernetes.
    """
    requirements = [_asked("In", key, [value]) for key, value in labels.items()]
    requirements += [_asked(operator, key, values) for key, operator, values in asked]
    return lambda found: all(holds(found) for holds in requirements)


def _asked(operator: str, key: str, values: Sequence[str]) -> Selector:
    if not _LABEL.fullmatch(key):
        raise InvalidSelector(f"key: Invalid value: {json.dumps(key)}: it is not the key of a label")
    if wrong := [value for value in values if not _VALUE.fullmatch(value)]:
        raise InvalidSelector(f"values: Invalid value: {json.dumps(wrong)}: it is not the value of a label")
    match operator:
        case "In" | "NotIn":
            if not values:
                raise InvalidSelector(
                    "values: Invalid value: for 'in', 'notin' operators, values set can't be empty"
                )
            wanted = frozenset(values)
            if operator == "In":
                return lambda found: found.get(key) in wanted
            return lambda found: found.get(key) not in wanted
        case "Exists" | "DoesNotExist":
            if values:
                raise InvalidSelector(
                    "values: Invalid value: values set must be empty for exists and does not exist"
                )
            return lambda found: (key in found) == (operator == "Exists")
    raise InvalidSelector(f'"{operator}" is not a valid label selector operator')


def _split(text: str) -> list[str]:
    # A comma inside of parentheses separates values, not requirements.
    return re.split(r",(?![^()]*\))", text)


def _requirement(text: str) -> Selector:
    if found := _SET.match(text):
        key, operator, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        if operator == "in":
            return lambda labels: key in labels and labels[key] in values
        return lambda labels: labels.get(key) is None or labels[key] not in values
    if found := _EQUALS.match(text):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _NUMBER.match(text):
        return _compared(*found.groups())
    if found := _EXISTS.match(text):
        absent, key = found.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise InvalidSelector(f"'{text}' is no label selector")


def _compared(key: str, operator: str, limit: str) -> Selector:
    def holds(labels: Labels) -> bool:
        try:
            value = int(labels[key])
        except (KeyError, ValueError):
            return False
        return value > int(limit) if operator == ">" else value < int(limit)

    return holds
