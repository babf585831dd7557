# SPDX-License-Identifier: Apache-2.0
"""What all kinds share: metadata, conditions, references, durations."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

DEFAULT_MARK = "x-default"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_LONGEST = (2**63 - 1) / 1e9
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"


def seconds(duration: str) -> float:
    """Read a duration such as `1h30m` or `250ms` as seconds; raises ValueError.

    More than Go's longest duration, 292 years, counts as that, so that a deadline can be reckoned with it.
    """
    if not re.fullmatch(DURATION[1:-1], duration):
        raise ValueError(f"{duration!r} is no duration; write it like 30s, 5m or 1h30m")
    return min(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(duration)), _LONGEST)


class Model(BaseModel):
    """Read what the API server holds: names in camelCase, unknown fields left aside."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True, protected_namespaces=()
    )


def default(value: Any) -> dict[str, Any]:
    """Mark a default that the API server itself fills in."""
    return {DEFAULT_MARK: value}


Duration = Annotated[str, Field(pattern=DURATION)]
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"})]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Digest = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$")]


class ObjectMeta(Model):
    """The parts of an object's metadata that decisions are made on."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class Condition(Model):
    """One observed aspect of an object's state."""

    last_transition_time: Time = Field(
        description="When status, reason or message last became what they are."
    )
    message: str = Field(max_length=32768, description="The state in words, for a person.")
    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = Field(
        None, description="The metadata.generation this condition speaks of."
    )
    reason: str = Field(
        min_length=1,
        max_length=1024,
        pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        description="Why, as one CamelCase word for programs.",
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether the condition holds.")
    type: str = Field(
        max_length=316,
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
        r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        description="Which aspect this is, such as Ready.",
    )


class LocalReference(Model):
    """An object in the same namespace, by name."""

    name: str = Field(description="The object's name.")


class Artifact(Model):
    """A packed revision of a source, as other controllers download it."""

    digest: Digest = Field(description="Checksum of the file, as algorithm:value.")
    last_update_time: Time = Field(description="When this file was made.")
    metadata: dict[str, str] | None = Field(None, description="Facts about the upstream revision.")
    path: str = Field(description="Where the file lies below the storage root.")
    revision: str = Field(description="What was packed, as <name>@<algorithm>:<checksum>.")
    size: Int64 | None = Field(None, description="Bytes of the file.")
    url: str = Field(description="Where the file can be downloaded inside the cluster.")
