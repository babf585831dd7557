# SPDX-License-Identifier: Apache-2.0
"""The sticky comment of a pull request, and the same as the report of a check run.

One glance tells what runs where, what comes by itself, and what a person can do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from policies.commit_status import State, short
from policies.health.texts import named
from policies.orders.locks import Hold
from policies.pull_request import Content, Fate, Mark, Row, Runs
from policies.pull_request.content import Coming
from policies.surface import locks
from policies.surface.markdown import block, code, inline, link, shortened, summary, table
from policies.surface.orders import footer, you_can
from policies.surface.words import instant, listed, name, span

_HEAD = "| | object | state | since (UTC) |\n|---|---|---|---|"
_IMAGES = ("", "image", "runs in", "environment", "state")
_STATE = 160  # characters of a row's state
_MOST_FOLDS, _FOLD = 5, 3000  # failures told in full, and characters of each
_ROOM = 60_000  # GitHub takes 65,536 characters
_MARKS = {State.SUCCESS: Mark.DONE, State.PENDING: Mark.WAITS, State.FAILURE: Mark.FAILED}
_MARKER = re.compile(r"\A<!-- fairway:[a-z0-9:/._-]+ -->\n")
_HIDDEN = re.compile(r"\n<!-- fairway-state:([a-z]+):([0-9a-f]{16}):([0-9a-f]{16}) -->\s*\Z")


@dataclass(frozen=True, slots=True)
class Said:
    """What a comment of ours says: whether that is `open`, `pending`, `failure` or `success`, and its digest.

    The digest leaves out when the comment was written.
    """

    state: str
    digest: str


def comment(content: Content, updated: str, address: str = "") -> str:
    """Write the comment of a merged pull request; `updated` is RFC 3339."""
    body = "\n\n".join([heading(content), *_parts(content, _ROOM)])
    state = content.outcome.verdict.state.word if content.outcome.final else State.PENDING.word
    return _closed(body, state, updated, address)


def unmerged(
    number: int,
    *,
    is_open: bool,
    hold: Hold | None = None,
    missing: Mapping[str, str] = MappingProxyType({}),
    updated: str,
) -> str:
    """Write the comment of a pull request that is not merged: open, or closed for good."""
    if is_open:
        parts = [f"### Nothing of {code(f'#{number}')} is applied before the merge"]
        parts += [locks.stopped(hold)] if hold else []
        parts += [lacking(permission, feature) for permission, feature in missing.items()]
        return _closed("\n\n".join(parts), "open", updated, "")
    return _closed(f"### {code(f'#{number}')} was closed: nothing of it is applied", "open", updated, "")


def unfollowed(base: str, cluster: str, updated: str) -> str:
    """Write the comment of a pull request that was merged into a branch that nothing follows."""
    body = f"### Merged into {name(base)}, which nothing on {name(cluster)} follows"
    return _closed(body, State.SUCCESS.word, updated, "")


def said(body: str) -> Said | None:
    """Return what a comment of ours says; None when it is not as we wrote it.

    `body` may begin with the marker that comments are found by.
    """
    body = body.replace("\r\n", "\n")
    found = _HIDDEN.search(body)
    if found is None:
        return None
    state, digest, seal = found.groups()
    shown = _MARKER.sub("", body[: found.start()])
    return Said(state, digest) if seal == _hashed(state, digest, shown) else None


def report(content: Content) -> str:
    """Write the summary of a check run."""
    return "\n\n".join(_parts(content, _ROOM)) or "Nothing applies this commit."


def heading(content: Content) -> str:
    """Write the comment's first line: the commit, the cluster, and how it goes."""
    outcome, where = content.outcome, name(content.cluster)
    if content.undone:
        return _rolled_back(content)
    mark, sha, at = _MARKS[outcome.verdict.state].value, code(short(content.sha)), code(short(outcome.sha))
    match outcome.fate:
        case Fate.UNFOLLOWED:
            return f"### {mark} {sha}: nothing on {where} follows its branch"
        case Fate.REPLACED:
            return f"### {mark} {sha} never came to {where}: {at} replaced it on its branch"
        case Fate.OVERTAKEN:
            subject = f"{sha} is part of {at} on {where}"
        case _:
            subject = f"{sha} on {where}"
    return f"### {mark} {subject}: {_progress(content)}"


def _rolled_back(content: Content) -> str:
    by = {one.environment: link(f"#{one.number}", one.address) for one in content.undone}
    places = [f"in {name(environment)} by {one}" for environment, one in by.items() if environment]
    words = [f"rejected by {by['']}"] if "" in by else []
    words += [f"rolled back {listed(places, 'and')}"] if places else []
    return f"### ↩️ {code(short(content.sha))} on {name(content.cluster)}: {', '.join(words)}"


def _progress(content: Content) -> str:
    if not content.total:
        return "nothing applies it"
    match content.outcome.verdict.state:
        case State.SUCCESS:
            return "applied and healthy"
        case State.FAILURE:
            return f"failed, {content.done} of {content.total} done"
        case _:
            return f"{content.done} of {content.total} done"


def _parts(content: Content, room: int) -> list[str]:
    """Write the parts below the heading; of what does not fit, the last parts are left out."""
    parts = [
        *map(locks.applied_all_the_same, content.stopped),
        _images(content.images),
        _table(content.rows, content.left_out),
        *_folds(content.rows),
        *_drift(content.drift),
        _next(content.coming, content.orders),
        *(lacking(permission, feature) for permission, feature in content.missing),
    ]
    kept, used = [], 0
    for part in filter(None, parts):
        used += len(part) + 2
        if used <= room:
            kept.append(part)
    return kept


def _table(rows: Sequence[Row], left_out: int) -> str:
    if not rows:
        return ""
    lines = [
        f"| {row.mark.value} | {inline(named(row.ref), 120)} | {inline(row.state, _STATE)}"
        f" | {instant(row.since) if row.since else ''} |"
        for row in rows
    ]
    more = [f"| | and {left_out} more | | |"] if left_out else []
    return "\n".join([_HEAD, *lines, *more])


def _images(rows: Sequence[Runs]) -> str:
    if not rows:
        return ""
    lines = [
        (
            row.mark.value,
            code(row.image, 150),
            f"{inline(named(row.ref), 120)}, {name(row.container)}",
            inline(row.environments, 100),
            inline(row.state, _STATE),
        )
        for row in rows
    ]
    known = any(row.environments for row in rows)
    return table(_IMAGES, lines, without=() if known else ("environment",))


def _folds(rows: Iterable[Row]) -> list[str]:
    """Write in full what has more to say than its row shows."""
    longer = [row for row in rows if row.message and shortened(row.message) != shortened(row.state, _STATE)]
    return [
        f"<details><summary>{summary(named(row.ref), 120)}</summary>\n\n"
        f"{block(row.message, limit=_FOLD)}\n\n</details>"
        for row in longer[:_MOST_FOLDS]
    ]


def _drift(rows: Iterable[Row]) -> list[str]:
    return [
        f"Changed by hand and left so, {inline(named(row.ref), 120)}"
        f" since {instant(row.since)} UTC:\n\n{block(row.state, limit=_FOLD)}"
        for row in rows
    ]


def _next(coming: Iterable[Coming], orders: Iterable[str]) -> str:
    """Say what happens by itself, and what a person can do."""
    events = [
        f"{inline(named(one.ref), 120)} {one.what}"
        f" {f'{instant(one.at)} UTC' if one.at else span(one.seconds)}"
        for one in coming
    ]
    said = [f"By itself: {'; '.join(events)}."] if events else []
    return "\n\n".join([*said, *filter(None, [you_can(orders)])])


def lacking(permission: str, feature: str) -> str:
    """Name a permission that the App does not have, what needs it (`check runs`), and who can mend that."""
    return (
        f"The App lacks the permission {name(permission)}, which {inline(feature)} need. Grant it in the"
        " App's settings; then an owner of the account has to accept it."
    )


def _closed(body: str, state: str, updated: str, address: str) -> str:
    digest, shown = _hashed(state, address, body), f"{body}\n\n{footer(updated, address)}"
    # The seal tells after a flush whether somebody wrote into what people see.
    return f"{shown}\n<!-- fairway-state:{state}:{digest}:{_hashed(state, digest, shown)} -->"


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
