# SPDX-License-Identifier: Apache-2.0
"""How long an ImagePolicy takes to choose: nothing is needed for it but the tags."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Iterable, Sequence
from functools import cache

from bench.registry import figure
from policies.images import selection
from policies.kinds.imagepolicy import Choice, TagFilter

_FEW, _MANY, _ROUNDS = 10_000, 100_000, 5
_MS, _KIB, _SPREAD = 1000, 1024, 40_503_417
_VERSIONS = Choice.model_validate({"semver": {"range": "^1.2 || >=3.0.0 <8"}})
_PRERELEASES = Choice.model_validate({"semver": {"range": ">=1.0.0-0"}})
_NUMBERS = Choice.model_validate({"numerical": {"order": "asc"}})
_NAMES = Choice.model_validate({"alphabetical": {"order": "asc"}})
_GROUPS = TagFilter(pattern="^(?P<branch>.+)-(?P<sha>[a-f0-9]+)-(?P<ts>[0-9]+)$", extract="$ts")
_TOGETHER = TagFilter(pattern="^(main)-([a-f0-9]+)-([0-9]+)$", extract="$1-$3-$2")
_BUILDS = TagFilter(pattern="^main-[a-f0-9]+-(?P<ts>[0-9]+)$", extract="$ts")


@figure("policy.semver_10k", unit="ms", target=15.0)
def semver_10k() -> float:
    """Measure a range over 10,000 versions; the median of 5, like the others here."""
    return _median(_VERSIONS, _versions(_FEW))


@figure("policy.semver_100k", unit="ms", target=150.0)
def semver_100k() -> float:
    """Measure a range over 100,000 versions."""
    return _median(_VERSIONS, _versions(_MANY))


@figure("policy.prerelease_100k", unit="ms", target=150.0)
def prerelease_100k() -> float:
    """Measure a range over 100,000 pre-releases of one version, each of which has to be compared."""
    return _median(_PRERELEASES, _descending(f"1.0.0-rc.{n}" for n in range(_MANY)))


@figure("policy.filtered_10k", unit="ms", target=15.0)
def filtered_10k() -> float:
    """Measure a filter that matches, and extracts from, all of 10,000 tags."""
    return _median(_NUMBERS, _builds(_FEW), _BUILDS)


@figure("policy.filtered_100k", unit="ms", target=150.0)
def filtered_100k() -> float:
    """Measure a filter that matches, and extracts from, all of 100,000 tags."""
    return _median(_NUMBERS, _builds(_MANY), _BUILDS)


@figure("policy.three_groups_100k", unit="ms", target=150.0)
def three_groups_100k() -> float:
    """Measure a filter with three groups, of which any tag could be read in several ways."""
    return _median(_NUMBERS, _builds(_MANY), _GROUPS)


@figure("policy.template_100k", unit="ms", target=150.0)
def template_100k() -> float:
    """Measure a filter of which all three groups are put together."""
    return _median(_NAMES, _builds(_MANY), _TOGETHER)


@figure("policy.memory_100k", unit="KiB", target=64.0)
def memory_100k() -> float:
    """Measure the peak of what is needed besides the 100,000 tags themselves."""
    selection.latest(_NUMBERS, _builds(10), _BUILDS)
    tracemalloc.start()
    try:
        selection.latest(_NUMBERS, _builds(_MANY), _BUILDS)
        return tracemalloc.get_traced_memory()[1] / _KIB
    finally:
        tracemalloc.stop()


def _median(policy: Choice, tags: Sequence[str], rule: TagFilter | None = None) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        selection.latest(policy, tags, rule)
        times.append(_MS * (time.perf_counter() - began))
    return statistics.median(times)


@cache
def _versions(count: int) -> tuple[str, ...]:
    return _descending(f"v{n % 10}.{n // 10 % 100}.{n // 1000}" for n in range(count))


@cache
def _builds(count: int) -> tuple[str, ...]:
    """Return tags of builds, whose order has nothing to do with their time."""
    return _descending(f"main-{n * _SPREAD % 2**28:07x}-{1_700_000_000 + n}" for n in range(count))


def _descending(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags as a scan keeps them."""
    return tuple(sorted(tags, reverse=True))
