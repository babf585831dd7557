# SPDX-License-Identifier: Apache-2.0
"""What a commit status and a deployment say: plain text.

Commits are given as they are shown. Messages may come from Git and the cluster, and may have many lines; who
puts these sentences into Markdown escapes them.
"""

from __future__ import annotations

from policies.health.texts import named
from policies.objects import ObjectRef


def nothing_yet() -> str:
    """Say on what is not merged that it waits; no word on what was applied."""
    return "Nothing is applied before the merge"


def healthy(at: str) -> str:
    """Say that a commit is applied and all of it healthy."""
    return f"Applied {at}, healthy"


def timed(said: str, seconds: float) -> str:
    """Add how long that took since the push."""
    return f"{said} in {_duration(seconds)}"


def nothing_applies(at: str) -> str:
    """Say that a commit was fetched, which is all that there is to do."""
    return f"Fetched {at}, nothing applies it"


def waits_for_source(source: ObjectRef, at: str) -> str:
    """Say that a source has another commit yet."""
    return f"Waits for {named(source)} to fetch {at}"


def waits_for(ref: ObjectRef) -> str:
    """Say that a Kustomization has not tried the commit yet."""
    return f"Waits for {named(ref)}"


def waits_for_others(ref: ObjectRef, message: str) -> str:
    """Say that a Kustomization waits for another object, as its condition names it."""
    return f"{named(ref)} waits: {message}"


def being_applied(ref: ObjectRef) -> str:
    """Say that a Kustomization is at it."""
    return f"{named(ref)} is being applied"


def concludes(ref: ObjectRef, at: str) -> str:
    """Say that all is healthy, which a Kustomization that waits has to write down yet."""
    return f"Applied {at}, {named(ref)} concludes"


def waits_for_health(at: str, ref: ObjectRef, detail: str, more: int) -> str:
    """Say which applied object is not healthy yet (`2 of 3 ready`), and how many more there are."""
    return f"Applied {at}, waits for {_unwell(ref, detail, more)}"


def not_in_time(ref: ObjectRef, detail: str, more: int) -> str:
    """Say which object did not become healthy in its time, and how many more there are."""
    return f"Not healthy in time: {_unwell(ref, detail, more)}"


def failed(ref: ObjectRef, why: str) -> str:
    """Say what is wrong with an object."""
    return f"{named(ref)}: {why}"


def overtaken(by: str) -> str:
    """Say that a later commit that contains it was applied instead, and is well."""
    return f"Overtaken by {by}, which is applied and healthy"


def overtaken_by_failure(by: str, why: str) -> str:
    """Say that a later commit that contains it was applied instead, and what is wrong with that one."""
    return f"Overtaken by {by}: {why}"


def replaced(by: str) -> str:
    """Say that a commit's branch lost it before it was applied."""
    return f"Never applied: {by} replaced it on its branch"


def waits_for_history(sha: str, by: str) -> str:
    """Say that the branch's history cannot be read at the moment."""
    return f"Waits for the Git host to tell whether {by} contains {sha}"


def never_known(sha: str, by: str) -> str:
    """Say that the branch's history could not be read for too long."""
    return f"Not known whether {by}, which is there, contains {sha}: its history could not be read"


def deployed(cluster: str) -> str:
    """Describe a deployment."""
    return f"Applied to {cluster} by Fairway"


def _unwell(ref: ObjectRef, detail: str, more: int) -> str:
    return f"{named(ref)} ({detail}){f' and {more} more' if more else ''}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{max(seconds, 0.1):.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
