# SPDX-License-Identifier: Apache-2.0
"""What a pull request for new images says, and what is said when it is closed or left alone.

Its title and its parts from top to bottom: which images, why now, what changes, what their makers say, what
it waits for, what a person can order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policies.images import record as records
from policies.images.content import Changed, Content, Gates, Release, Rendered, Row
from policies.images.record import Record
from policies.images.setters import Change
from policies.surface.markdown import block, code, inline, link, shortened, summary, table
from policies.surface.orders import you_can
from policies.surface.words import listed, moment, name

ORDERS = ("/ignore", "/ignore minor", "/ignore major", "/rescan", "/rebase", "/reject")
_HEAD = ("image", "from", "to", "made (UTC)", "digest", "policy")
_MOST_ROWS, _MOST_REASONS, _MOST_OBJECTS, _MOST_RENDERED, _MOST_RELEASES = 20, 10, 30, 4, 3
_DIFF, _RELEASE = 4000, 3000  # characters
_ROOM = 55_000  # GitHub takes 65,536 characters
_LONGEST_TITLE, _LONGEST_VALUE, _LONGEST_PATH = 120, 300, 150
_DIGEST = 12  # digits of a digest


def title(rows: Sequence[Row], application: str = "") -> str:
    """Name the pull request: the image and its versions where there is one, else how many."""
    if len(rows) == 1:
        (row,) = rows
        old = f"{row.old[0]} → " if len(row.old) == 1 and row.old[0] != row.new else "to "
        for image in (row.image, row.image.rpartition("/")[2]):
            text = f"Update {image} {old}{row.new}"
            if len(text) <= _LONGEST_TITLE:
                break
        return shortened(text, _LONGEST_TITLE)
    where = f" in {application}" if application else ""
    return shortened(f"Update {len(rows)} images{where}", _LONGEST_TITLE)


def body(content: Content, record: Record) -> str:
    """Write the whole text; the hidden record comes first, before anything that somebody else wrote."""
    begin = [records.line(record), _table(content.rows), _why(content.rows)]
    end = [_gates(content.gates), you_can(ORDERS)]
    room, kept = _ROOM - sum(map(len, begin + end)), []
    for part in [*_what(content), *map(_release, content.releases[:_MOST_RELEASES])]:
        room -= len(part) + 2
        if room >= 0:
            kept.append(part)
    return "\n\n".join([*begin, *kept, *end])


def closed(why: str) -> str:
    """Say why a pull request is closed by ourselves; `why` is a word of policies.images.proposals.Close."""
    reasons = {
        "nothing-left": "its base has these images by now, or nothing chooses them any more",
        "declined": "what it proposes was declined, in `.fairway/declined.yaml` or by closing a pull request",
        "regrouped": "images are grouped otherwise now, and others propose what it did, or do so in turn",
    }
    return f"Closed by Fairway: {reasons[why]}. This declines nothing."


def edited() -> str:
    """Say that a pull request is left to the people who push to it, and how it is handed back."""
    return (
        "Somebody pushed to this branch, so Fairway leaves it alone: it is not made anew when its base moves"
        f" or a newer image comes. {code('/rebase')} hands it back; what was pushed to it is then gone from"
        " the branch."
    )


def _table(rows: Sequence[Row]) -> str:
    lines = [
        (
            name(row.image),
            listed([name(old) for old in row.old[:3]], "and"),
            name(row.new),
            moment(row.made) if row.made else "",
            _digest(row.digest),
            name(row.policy),
        )
        for row in rows[:_MOST_ROWS]
    ]
    more = [(f"and {len(rows) - _MOST_ROWS} more", "", "", "", "", "")] if len(rows) > _MOST_ROWS else []
    known = {"made (UTC)": any(row.made for row in rows), "digest": any(row.digest for row in rows)}
    return table(_HEAD, [*lines, *more], without=[column for column, there in known.items() if not there])


def _digest(digest: str) -> str:
    algorithm, colon, digits = digest.partition(":")
    return code(f"{algorithm}{colon}{digits[:_DIGEST]}", 40) if digest else ""


def _why(rows: Sequence[Row]) -> str:
    said = [
        f"{name(row.policy)} takes {inline(row.rule, 250)}, which is {name(row.new)}."
        for row in rows[:_MOST_REASONS]
    ]
    if len(said) == 1:
        return said[0]
    more = [f"- and {len(rows) - len(said)} more"] if len(rows) > len(said) else []
    return "\n".join([f"- {sentence}" for sentence in said] + more)


def _what(content: Content) -> list[str]:
    """Show what the cluster gets; of what could not be rendered, what the files say."""
    known = [one for one in content.rendered if not one.failed]
    parts = [_rendered(one) for one in known[:_MOST_RENDERED]]
    if len(known) > len(parts):
        parts.append(f"And what {len(known) - len(parts)} more Kustomizations render of it.")
    failed = [one for one in content.rendered if one.failed]
    parts += [f"{name(one.name)} was not rendered: {inline(one.failed, 300)}." for one in failed[:3]]
    if content.unrendered:
        parts.append(f"Nothing was rendered: {inline(content.unrendered, 300)}.")
    return [*parts, *([_files(content.changes)] if failed or not known else [])]


def _rendered(one: Rendered) -> str:
    count = len(one.objects)
    if not count:
        return f"Kustomization {name(one.name)} renders the same as before."
    lines = [line for changed in one.objects[:_MOST_OBJECTS] for line in _object(changed)]
    if count > _MOST_OBJECTS:
        lines.append(f"… and {count - _MOST_OBJECTS} more objects")
    head = summary(f"Kustomization {one.name}: {count} {'object' if count == 1 else 'objects'} changed", 200)
    diff = block("\n".join(lines), "diff", _DIFF)
    return f"<details open><summary>{head}</summary>\n\n{diff}\n\n</details>"


def _object(changed: Changed) -> list[str]:
    if changed.how != "changed":
        return [f"{'+' if changed.how == 'new' else '-'} {changed.name} ({changed.how})"]
    lines = [f"  {changed.name}"]
    for field in changed.fields:
        lines.append(f"    {field.path}")
        lines += [f"-     {shortened(field.live, _LONGEST_VALUE)}"] if field.live is not None else []
        lines += [f"+     {shortened(field.wanted, _LONGEST_VALUE)}"] if field.wanted is not None else []
    return lines


def _files(changes: Sequence[Change]) -> str:
    lines: list[str] = []
    for change in changes:
        lines.append(f"  {shortened(change.path, _LONGEST_PATH)}:{change.line}")
        lines.append(f"-     {shortened(change.old, _LONGEST_VALUE)}")
        lines.append(f"+     {shortened(change.new, _LONGEST_VALUE)}")
    files = len({change.path for change in changes})
    head = summary(f"{files} {'file' if files == 1 else 'files'} changed")
    return f"<details><summary>{head}</summary>\n\n{block(chr(10).join(lines), 'diff', _DIFF)}\n\n</details>"


def _release(release: Release) -> str:
    if not release.text.strip():
        what = "Source of" if release.name == release.address else "What its makers say of"
        return f"{what} {name(release.image)}: {link(release.name, release.address)}"
    head = summary(f"Release {release.name} of {release.image}", 200)
    text = block(release.text, limit=_RELEASE)
    return (
        f"<details><summary>{head}</summary>\n\n{text}\n\n{link(release.name, release.address)}\n\n</details>"
    )


def _gates(gates: Gates) -> str:
    lines: list[str] = []
    if gates.minimum_age:
        lines.append(f"- [x] old enough: {inline(gates.minimum_age, 20)} at least")
    if gates.windows:
        lines.append(f"- [x] opened in its window: {listed([inline(one, 80) for one in gates.windows])}")
    if gates.people_merge:
        lines.append(f"- [ ] a person merges it: {inline(gates.people_merge, 250)}")
    else:
        lines.append(f"- [ ] Fairway merges it, a {gates.step} update, once its required checks have passed")
    lines += _stops(gates.environments, by_us=not gates.people_merge)
    return "\n".join(lines)


def _stops(environments: Iterable[str], *, by_us: bool) -> list[str]:
    read = [name(one) for one in environments]
    if not read:
        return []
    said = f"read by {listed(read[:10], 'and')}"
    # A box is for what has to come; nobody waits for this.
    return [f"- [ ] {said}: a lock there, or a hold here, stops Fairway's merge" if by_us else f"- {said}"]
