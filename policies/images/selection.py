# SPDX-License-Identifier: Apache-2.0
"""Which of an image's tags an ImagePolicy chooses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies import semver
from policies.clock import go_duration
from policies.images import ordering
from policies.images.errors import InvalidPolicy, NoTags
from policies.images.patterns import MOST_STEPS, Pattern
from policies.kinds.imagepolicy import Choice, TagFilter

_ONE_OF = "set one of spec.policy.semver, spec.policy.alphabetical and spec.policy.numerical"


def latest(
    policy: Choice, tags: Sequence[str], filter_tags: TagFilter | None = None, *, requeue: float = 30.0
) -> str:
    """Return the chosen tag; raises InvalidPolicy, NothingChosen or NoTags, which tells `requeue` (seconds).

    The order of the tags decides only between such as are worth the same; a scan has them in descending
    order. One pass; besides the tags themselves nothing is kept.
    """
    choose = _chooser(policy)
    if not tags:
        raise NoTags(f"retrying in {go_duration(round(requeue))} error: no tags in database")
    if filter_tags is None:
        return choose(_all(tags))
    return choose(_filtered(filter_tags, tags))


def _chooser(policy: Choice) -> ordering.Choose:
    if policy.semver is not None:
        try:
            return ordering.by_version(semver.parse_range(policy.semver.range))
        except ValueError as error:
            remedy = "write spec.policy.semver.range like ^1.2 or >=1.0.0 <2.0.0"
            raise InvalidPolicy(f"invalid policy: {error}", remedy=remedy) from None
    if policy.alphabetical is not None:
        return ordering.by_alphabet(policy.alphabetical.order or "asc")
    if policy.numerical is not None:
        return ordering.by_number(policy.numerical.order or "asc")
    raise InvalidPolicy("invalid policy: given ImagePolicyChoice object is invalid", remedy=_ONE_OF)


def _all(tags: Sequence[str]) -> Iterator[tuple[bytes, str]]:
    for tag in tags:
        yield tag.encode("utf-8", "surrogatepass"), tag


def _filtered(rule: TagFilter, tags: Sequence[str]) -> Iterator[tuple[bytes, str]]:
    """Return what to compare of the tags that match, one after the other; raises InvalidPolicy."""
    pattern = _compiled(rule.pattern or "", sum(map(len, tags)), captures=bool(rule.extract))
    return pattern.expanded(rule.extract, tags) if rule.extract else pattern.matching(tags)


def _compiled(text: str, length: int, *, captures: bool) -> Pattern:
    try:
        pattern = Pattern(text, captures=captures)
    except ValueError as error:
        message = f"failed to filter tags: invalid regular expression pattern '{text}': {error}"
        raise InvalidPolicy(message, remedy="write spec.filterTags.pattern as RE2 reads it") from None
    if pattern.steps(length) > MOST_STEPS:
        raise InvalidPolicy(
            f"failed to filter tags: the pattern '{text}' would take too long on all of the tags",
            remedy="simplify spec.filterTags.pattern, or exclude tags in the ImageRepository",
        )
    return pattern
