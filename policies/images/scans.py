# SPDX-License-Identifier: Apache-2.0
"""What a scan of an ImageRepository keeps of the registry's list, and when the next one is due."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from policies import clock
from policies.images.errors import InvalidExclusion
from policies.images.patterns import MOST_STEPS, Pattern
from policies.kinds.imagerepository import ImageRepository

_LATEST = 10
_SOON = 1.0  # seconds; what is due within one is due now
# What Go's JSON does not write as it is.
_ESCAPED = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


@dataclass(frozen=True, slots=True)
class Scan:
    """The tags in descending order, as policies want them, and the checksum that changes with them."""

    tags: tuple[str, ...]
    revision: str

    @property
    def latest(self) -> tuple[str, ...]:
        """The sample that the status shows."""
        return self.tags[:_LATEST]


@dataclass(frozen=True, slots=True)
class Turn:
    """Why to scan now, empty when it is not time yet, and in how many seconds the next scan is due."""

    reason: str
    next: float


def kept(listed: Iterable[str], exclusions: Sequence[str]) -> Scan:
    """Leave out the tags in which one of the expressions is found; raises InvalidExclusion."""
    tags = list(listed)
    length = sum(map(len, tags))
    patterns = [_compiled(text) for text in exclusions]
    if sum(pattern.steps(length) for pattern in patterns) > MOST_STEPS:
        raise InvalidExclusion(
            "scan failed: the expressions of spec.exclusionList would take too long on all of the tags",
            remedy="simplify them",
        )
    for pattern in patterns:
        tags = [tag for tag in tags if not pattern.matches(tag.encode(errors="surrogatepass"))]
    tags.sort(reverse=True)
    return Scan(tuple(tags), revision(tags))


def revision(tags: Sequence[str]) -> str:
    """Return the checksum that image-reflector-controller has for the same tags in the same order."""
    text = json.dumps(tags, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)
    return str(zlib.adler32(text.encode(errors="surrogatepass")))


def turn(repository: ImageRepository, name: str, *, requested: str, at_hand: bool, now: datetime) -> Turn:
    """Say whether to scan now; `name` is the canonical one of spec.image, `requested` the annotation's value.

    `at_hand` says whether the tags of the last scan are still there: they may be lost at any time.
    """
    interval, status = repository.interval_seconds, repository.status
    last = status.last_scan_result
    reason = ""
    if last is None:
        reason = "first scan"
    elif requested and requested != (status.last_handled_reconcile_at or ""):
        reason = "reconcile requested"
    elif name != status.canonical_image_name:
        reason = "new image name"
    elif not _same(repository.exclusions, status.observed_exclusion_list or ()):
        reason = "updated exclusion list"
    elif not at_hand:
        reason = "no tags in database"
    if last is None or reason:
        return Turn(reason, interval)
    passed = (now - clock.parse(last.scan_time)).total_seconds() if last.scan_time else interval
    rest = interval - passed
    return Turn("triggered by interval", interval) if rest < _SOON else Turn("", rest)


def _compiled(text: str) -> Pattern:
    try:
        return Pattern(text)
    except ValueError as error:
        message = f"scan failed: failed to compile regex {text}: {error}"
        raise InvalidExclusion(message, remedy="write spec.exclusionList as RE2 reads it") from None


def _same(wanted: Sequence[str], observed: Sequence[str]) -> bool:
    return len(wanted) == len(observed) and set(wanted) <= set(observed)
