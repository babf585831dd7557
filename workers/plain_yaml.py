# SPDX-License-Identifier: Apache-2.0
"""YAML that somebody else wrote, read as what it is made of: mappings, lists and texts.

No type is guessed and no alias followed, so nothing can grow on the way, and a text is what stood there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from policies.errors import FairwayError

_DEEPEST = 16  # levels
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class NotPlain(FairwayError):
    """The text is no YAML, or more than plain YAML; the message holds nothing of it."""


def load(text: bytes) -> Any:
    """Read the first document; nulls are None, all other scalars are texts. Raises NotPlain."""
    try:
        events = iter(yaml.parse(text, Loader=_PARSER))
        next(events), next(events)
        return _node(next(events), events, 0)
    except StopIteration:
        raise NotPlain("it is empty") from None
    except yaml.YAMLError as error:
        # Only the problem and its line: the lines around it may hold credentials.
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}:" if mark else ""
        problem = getattr(error, "problem", None) or "unreadable characters"
        raise NotPlain(f"it is no YAML:{where} {problem}") from None


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Any:
    if isinstance(event, yaml.AliasEvent):
        raise NotPlain("it has YAML aliases, which are not followed", remedy="write out what they stand for")
    if depth > _DEEPEST:
        raise NotPlain(f"it is nested more than {_DEEPEST} levels deep")
    if isinstance(event, yaml.ScalarEvent):
        return None if event.implicit[0] and event.value in _NULLS else event.value
    if isinstance(event, yaml.SequenceStartEvent):
        return [_node(item, events, depth + 1) for item in _until(yaml.SequenceEndEvent, events)]
    if not isinstance(event, yaml.MappingStartEvent):
        return None  # an empty document
    found = {}
    for name in _until(yaml.MappingEndEvent, events):
        key = _node(name, events, depth + 1)
        value = _node(next(events), events, depth + 1)
        if isinstance(key, str):
            found[key] = value
    return found


def _until(end: type[yaml.Event], events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    while not isinstance(event := next(events), end):
        yield event
