# SPDX-License-Identifier: Apache-2.0
"""What a kind is besides its fields: names, columns, and how an object of it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from policies.errors import TerminalError
from policies.kinds.meta import Model, ObjectMeta

_READY = '.status.conditions[?(@.type=="Ready")]'
_SHOWN = 5  # problems named in one message


class InvalidObject(TerminalError):
    """An object whose fields do not have the types and values of its kind."""

    reason = "ValidationFailed"


@dataclass(frozen=True)
class Column:
    """A column that `kubectl get` prints; those of a priority above 0 only with `-o wide`."""

    name: str
    type: str
    path: str
    priority: int = 0


@dataclass(frozen=True)
class Definition:
    """Names and columns of a kind: what a CustomResourceDefinition says besides the schema."""

    group: str
    version: str
    kind: str
    plural: str
    scope: str = "Namespaced"
    spec_required: bool = False  # Flux's kinds let an object without spec pass
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    initial_status: Mapping[str, Any] = field(default_factory=dict)  # what the API server gives a new object

    @property
    def names(self) -> tuple[str, str, str]:
        """Return group, version and kind."""
        return self.group, self.version, self.kind


class Kind(Model):
    """An object of the cluster."""

    definition: ClassVar[Definition]

    metadata: ObjectMeta

    @classmethod
    def read(cls, obj: Mapping[str, Any]) -> Self:
        """Read a live object; raises InvalidObject, which names the object and each wrong field.

        What our CustomResourceDefinition admits is read, save an object without spec, which the schema lets
        pass. Another version of it may admit more: there, the error is what the object's status has to say.
        """
        try:
            return cls.model_validate(obj)
        except ValidationError as error:
            raise _invalid(cls.definition.kind, obj, error) from None


def ready_columns(*before: Column) -> tuple[Column, ...]:
    """Return the columns Flux gives its kinds: some of the kind's own, then age, readiness and why."""
    return (
        *before,
        Column("Age", "date", ".metadata.creationTimestamp"),
        ready_column(),
        status_column(),
    )


def ready_column() -> Column:
    return Column("Ready", "string", f"{_READY}.status")


def status_column() -> Column:
    return Column("Status", "string", f"{_READY}.message")


def _invalid(kind: str, obj: Mapping[str, Any], error: ValidationError) -> InvalidObject:
    metadata = obj.get("metadata")
    named = metadata if isinstance(metadata, Mapping) else {}
    place = "/".join(str(named[key]) for key in ("namespace", "name") if named.get(key))
    found = error.errors(include_url=False, include_input=False)
    problems = [f"{_path(problem['loc'])}: {_said(problem['msg'])}" for problem in found[:_SHOWN]]
    if len(found) > _SHOWN:
        problems.append(f"and {len(found) - _SHOWN} more")
    return InvalidObject(
        f"{f'{kind} {place}'.strip()} cannot be read: {'; '.join(problems)}",
        remedy="correct these fields, or remove those this version does not know",
    )


def _said(message: str) -> str:
    return message[:1].lower() + message[1:]


def _path(location: tuple[int | str, ...]) -> str:
    """Write `spec.patches[1].target` for a pydantic location."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
