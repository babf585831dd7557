# SPDX-License-Identifier: Apache-2.0
"""What is said of /ignore, /rescan and /rebase, in the pull requests for new images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from policies import semver
from policies.images.declined import Declined, Scope
from policies.images.rescans import Look
from policies.images.whose import Stranger
from policies.surface.markdown import code, inline
from policies.surface.orders import nothing_to_do
from policies.surface.refusals import Refused
from policies.surface.words import listed, name, sentence

_RECORD = "fairway:images"  # as policies.images.record writes it
_SHOWN = 80  # characters of an order
_SHORT = 7  # digits of a commit id
_MOST = 8  # images, or lines
_LONGEST_IMAGE = 200  # characters
_LONGEST_MESSAGE = 200  # characters of a condition
_MOST_COMMITS, _LONGEST_SUBJECT = 4, 50


def not_here(order: str, stranger: Stranger) -> str:
    """Answer an order for images in a pull request that is none of ours for images."""
    waits = f"Nothing here waits for {code(order, _SHOWN)}: {_why(stranger)}."
    return f"{waits} {code('/help')} lists what can be ordered."


def _why(stranger: Stranger) -> str:
    automation = f"ImageUpdateAutomation {name('/'.join(stranger.automation))}"
    match stranger.why:
        case "branch":
            return "this is no pull request for new images"
        case "author":
            return "this pull request was not opened by Fairway"
        case "fork":
            return "the branch of this pull request is in another repository"
        case "namespace":
            where = name(stranger.automation[0])
            return f"its branch is one of namespace {where}, which this repository is not bound to"
        case "record":
            return "this pull request does not say any more which images it is about"
        case "automation":
            return f"there is no {automation} any more"
        case "elsewhere":
            return f"{automation} does not write to this repository"
        case _:
            assert_never(stranger.why)


def ignored(declined: Sequence[Declined], asked: Scope, reason: str = "") -> str:
    """Answer an /ignore, or a /reject of what was not merged; `asked` is the scope that was ordered."""
    shown = [_image(one) for one in declined[:_MOST]]
    shown += [f"{len(declined) - _MOST} more"] if len(declined) > _MOST else []
    why = f" Reason: {inline(reason, 250)}." if reason else ""
    narrow = [name(one.version) for one in declined if one.scope != asked][:_MOST]
    few = f" {listed(narrow, 'and')} {_has(len(narrow))} no {asked} version to go by." if narrow else ""
    return (
        f"Closed, and not proposed any more: {listed(shown, 'and')}.{few}{why}"
        " Whoever wants it back opens this pull request again or, once a newer version has taken its branch,"
        f" deletes the hidden line {code(_RECORD)} from its description."
    )


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def _image(one: Declined) -> str:
    """Name what an entry declines."""
    if one.scope == "version":
        return code(f"{one.image}:{one.version}", _LONGEST_IMAGE)
    version = semver.parse(one.version)
    numbers = f"{version.major}" if one.scope == "major" else f"{version.major}.{version.minor}"
    return f"every version {numbers} of {code(one.image, _LONGEST_IMAGE)}"


def merged() -> Refused:
    """What is merged cannot be kept out by closing its pull request."""
    return Refused(
        "this pull request is merged, so closing it would keep nothing out",
        f"{code('/reject')} takes it back and writes down that it is not proposed again",
    )


def not_open(*, merged: bool) -> Refused:
    """Nothing is looked for, or made anew, for a pull request that is not open."""
    if merged:
        return Refused("this pull request is merged", "what is newer comes in a pull request of its own")
    return Refused("this pull request is closed", "open it again, then give the order")


def scanned(looks: Sequence[Look]) -> str:
    """Answer a /rescan: what each policy chooses now."""
    if looks and all(one.seen == "same" for one in looks):
        images = [code(one.image, _LONGEST_IMAGE) for one in looks[:_MOST]]
        images += [f"{len(looks) - _MOST} more"] if len(looks) > _MOST else []
        return f"Nothing is newer than {listed(images, 'and')}."
    lines = [f"- {_look(one)}" for one in looks[:_MOST]]
    lines += [f"- and {len(looks) - _MOST} more"] if len(looks) > _MOST else []
    return "\n".join(["Looked for newer images:", "", *lines])


def _look(one: Look) -> str:
    policy, of, image = name(one.policy), name(one.of), code(one.image, _LONGEST_IMAGE)
    match one.seen:
        case "newer":
            found = code(one.found, _LONGEST_IMAGE)
            return f"{policy} chooses {found} now, instead of {image}. This pull request follows by itself."
        case "same":
            return f"{policy} chooses {image} still."
        case "failed":
            return f"{policy}: {of} failed: {inline(one.found, _LONGEST_MESSAGE)}."
        case "suspended":
            return f"{policy}: {of} is suspended, so nothing was looked for."
        case "missing":
            return f"{policy}: there is no {of}."
        case "foreign":
            return (
                f"{policy}: {of} is in a namespace that this repository is not bound to, and was not asked."
            )
        case "waits":
            return f"{policy}: {of} was asked and has not answered yet; what it finds shows here by itself."
        case _:
            assert_never(one.seen)


def suspended(automation: str) -> Refused:
    """Nobody works on what is suspended."""
    return Refused(f"{name(automation)} is suspended", "resume it, then give the order")


def lost(head: str, commits: Sequence[tuple[str, str]]) -> str:
    """Say which head a branch had before it was made anew, and which commits of people went with it.

    Each commit is its id and its message.
    """
    kept = f"{code(f'git fetch origin {head}')} brings back what the branch was before."
    if not commits:
        return kept
    shown = [f"{code(sha[:_SHORT])} {_subject(message)}" for sha, message in commits[:_MOST_COMMITS]]
    shown += [f"{len(commits) - _MOST_COMMITS} more"] if len(commits) > _MOST_COMMITS else []
    return f"Not in it any more, and not by Fairway: {listed(shown, 'and')}. {kept}"


def _subject(message: str) -> str:
    return f"“{inline(message.strip().partition(chr(10))[0], _LONGEST_SUBJECT)}”"


def rebased(head: str, before: str) -> str:
    """Answer a /rebase once it is done; `before` is from `lost`."""
    return f"The branch was made anew and ends with {code(head[:_SHORT])} now. {before}"


def nothing_to_rebase(order: str) -> str:
    """Answer a /rebase that changed nothing."""
    return nothing_to_do(order, "the branch is Fairway's own, and stands on its base as it is now")


def rebase_waits(automation: str, ready: str, before: str) -> str:
    """Answer a /rebase that was asked for and is not done; `ready` is what the automation says of itself."""
    why = sentence(f"it says: {inline(ready, _LONGEST_MESSAGE)}") if ready else "It has said nothing yet."
    return (
        f"{name(automation)} was asked to make the branch anew, and does so as soon as it can. {why} {before}"
    )
