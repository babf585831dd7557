# SPDX-License-Identifier: Apache-2.0
"""Flux's feature gates: their defaults, and which of them mean something here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from policies.setting_values import boolean

Pairs = tuple[tuple[str, bool], ...]  # gates that were set
_PAIR = re.compile(r"\s*([A-Za-z]+)\s*=\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate; `fixed` says why setting it changes nothing."""

    default: bool
    fixed: str = ""


GATES: Mapping[str, Gate] = MappingProxyType(
    {
        "AdditiveCELDependencyCheck": Gate(False),
        "CacheSecretsAndConfigMaps": Gate(False, "Secrets and ConfigMaps are never cached"),
        "CancelHealthCheckOnNewRevision": Gate(False, "a new revision always ends the wait for an older one"),
        "DirectSourceFetch": Gate(False, "sources are always read from the API server itself"),
        "DisableConfigWatchers": Gate(False),
        "DisableFailFastBehavior": Gate(False),
        "DisableStatusPollerCache": Gate(True, "health is watched, there is no poller"),
        "ExternalArtifact": Gate(False, "the kind ExternalArtifact is not served"),
        "GroupChangeLog": Gate(False, "the log names objects only one by one"),
        "MigrateAPIVersion": Gate(False),
        "ObjectLevelWorkloadIdentity": Gate(False),
        "StrictPostBuildSubstitutions": Gate(True),
    }
)


def parse(text: str) -> tuple[str, bool]:
    """Read one `Name=true`; raises ValueError naming what is wrong."""
    pair = _PAIR.fullmatch(text)
    if not pair:
        raise ValueError("write gates as Name=true or Name=false, separated by commas")
    name, value = pair.groups()
    if name not in GATES:
        raise ValueError(f"there is no gate {name}; there are {', '.join(sorted(GATES))}")
    return name, boolean(value)


def warnings(given: Pairs) -> list[str]:
    """Name the gates that were set to something and change nothing."""
    return [
        f"FAIRWAY_FEATURE_GATES: {name}={str(value).lower()} has no effect: {GATES[name].fixed}"
        for name, value in given
        if GATES[name].fixed and value != GATES[name].default
    ]
