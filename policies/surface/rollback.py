# SPDX-License-Identifier: Apache-2.0
"""What is said of /rollback: the pull request that it opens, and why none is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policies.images.declined import NAME, Declined
from policies.rollback import Restored
from policies.surface.markdown import code, inline, link
from policies.surface.refusals import Refused
from policies.surface.words import listed, name

_SHORT = 7  # digits of a commit id
_MOST = 50  # files of a table
_MOST_NAMED = 5  # files of a sentence
_LONGEST_PATH = 150  # characters


def title(environment: str, number: int) -> str:
    """Name the pull request, and the commit in it."""
    return f"Roll back pull request {number} in {environment}"


def body(
    environment: str,
    undone: tuple[int, str],
    commits: tuple[str, str],
    files: Sequence[Restored],
    shared: Mapping[str, Sequence[str]],
    declined: Sequence[Declined] = (),
    wanted: Sequence[Declined] = (),
    *,
    actor: str,
    reason: str,
) -> str:
    """Describe the pull request: `undone` is a number and its address, `commits` are the states from and to.

    `shared` are files that other environments read too, each with their names. `declined` is written
    down, `wanted` was and is no longer.
    """
    number, address = undone
    before, after = (code(sha[:_SHORT]) for sha in commits)
    parts = [
        f"Puts {_files(len(files))} of {name(environment)} back as before {link(f'#{number}', address)}.",
        f"| environment | from | to |\n|---|---|---|\n| {name(environment)} | {before} | {after} |",
        _table(files),
        _shared(shared),
        _declined(declined),
        f"Taken out of {code(NAME)}, so that it may be proposed again: {_images(wanted)}." if wanted else "",
        _ordered(actor, reason),
    ]
    return "\n\n".join(part for part in parts if part)


def rejection_title(number: int) -> str:
    """Name the pull request of a rejection, and the commit in it."""
    return f"Take back the images of pull request {number}"


def rejection(
    undone: tuple[int, str],
    commits: tuple[str, str],
    files: Sequence[Restored],
    declined: Sequence[Declined],
    *,
    actor: str,
    reason: str,
) -> str:
    """Describe the pull request of a rejection; `undone` and `commits` are as for a rollback."""
    number, address = undone
    before, after = (code(sha[:_SHORT]) for sha in commits)
    there = link(f"#{number}", address)
    back = f"Puts {_files(len(files))} back as before {there}, from {before} to {after}."
    parts = [
        back if files else f"What {there} changed is as before already.",
        _table(files) if files else "",
        _declined(declined),
        _ordered(actor, reason),
    ]
    return "\n\n".join(part for part in parts if part)


def rejected(number: int, address: str, files: int, declined: Sequence[Declined]) -> str:
    """Answer a /reject that was carried out in a merged pull request."""
    back = f"puts {_files(files)} back and " if files else ""
    return (
        f"{link(f'#{number}', address)} {back}writes down in {code(NAME)} that {_versions(declined)} not"
        " proposed again. It takes effect once it is merged."
    )


def nothing_to_reject() -> str:
    """Say why a /reject finds nothing, to go on `nothing_to_do`."""
    return f"what this pull request changed is as before already, and {NAME} has its versions"


def opened(number: int, address: str, environment: str, files: int, *, merged_by_us: bool) -> str:
    """Answer a /rollback that was carried out."""
    who = (
        "Fairway merges it as soon as GitHub lets it."
        if merged_by_us
        else "It takes effect once it is merged."
    )
    return (
        f"{link(f'#{number}', address)} puts {_files(files)} of {name(environment)} back. {who}"
        f" {code(f'/rollback {environment}')} there takes it back again."
    )


def already_open(number: int, address: str, environment: str) -> str:
    """Answer a /rollback where one is open."""
    where = f" for {name(environment)}" if environment else ""
    return f"{link(f'#{number}', address)} does that{where} already, and is open."


def nothing_to_put_back(environment: str) -> str:
    """Say why a /rollback finds nothing, to go on `nothing_to_do`."""
    return f"{environment} reads nothing of what this pull request changed, or all of it is back already"


def not_merged() -> Refused:
    """What was never merged never ran."""
    return Refused(
        "this pull request is not merged, so nothing of it runs",
        "give the order in the merged pull request that is to be taken back",
    )


def not_writable(environment: str) -> Refused:
    """The binding lets Fairway write nothing into the repository."""
    where = f" for {name(environment)}" if environment else ""
    return Refused(
        f"this repository's RepositoryBinding lets Fairway open no pull request{where}",
        "a person can revert the change on GitHub; an administrator of the cluster can set the binding's"
        " `spec.write` to `pr`",
    )


def conflict(paths: Sequence[str]) -> Refused:
    """Files were changed again since."""
    shown = [code(path, _LONGEST_PATH) for path in paths[:_MOST_NAMED]]
    shown += [f"{len(paths) - _MOST_NAMED} more"] if len(paths) > _MOST_NAMED else []
    one = len(paths) == 1
    return Refused(
        f"{listed(shown, 'and')} {'was' if one else 'were'} changed again since this was merged",
        f"roll back the newer pull request that changed {'it' if one else 'them'} first, or change"
        f" {'it' if one else 'them'} by hand",
    )


def declined_unusable(why: str, remedy: str) -> Refused:
    """The file of what is not proposed again cannot be added to; the words are `images.declining`'s."""
    return Refused(f"the versions cannot be written down: {inline(why, 300)}", inline(remedy, 200))


def unknown_history() -> Refused:
    """GitHub does not show the commit before the merge."""
    return Refused(
        "GitHub does not show which commit was there before this pull request was merged",
        "revert the change by hand",
    )


def _ordered(actor: str, reason: str) -> str:
    return f"Ordered by {name(actor)}{f': {inline(reason, 250)}' if reason else '.'}"


def _declined(declined: Sequence[Declined]) -> str:
    if not declined:
        return ""
    return (
        f"Written down in {code(NAME)}: {_versions(declined)} not proposed again. Whoever wants it back"
        " removes the entry."
    )


def _versions(declined: Sequence[Declined]) -> str:
    return f"{_images(declined)} {'is' if len(declined) == 1 else 'are'}"


def _images(declined: Sequence[Declined]) -> str:
    shown = [code(f"{one.image}:{one.version}", _LONGEST_PATH) for one in declined[:_MOST_NAMED]]
    shown += [f"{len(declined) - _MOST_NAMED} more"] if len(declined) > _MOST_NAMED else []
    return listed(shown, "and")


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _table(files: Sequence[Restored]) -> str:
    rows = ["| file | becomes |", "|---|---|"]
    for one in files[:_MOST]:
        becomes = "removed again" if one.file is None else "there again" if one.was is None else "as before"
        rows.append(f"| {code(one.path, _LONGEST_PATH)} | {becomes} |")
    if len(files) > _MOST:
        rows.append(f"| and {len(files) - _MOST} more | |")
    return "\n".join(rows)


def _shared(shared: Mapping[str, Sequence[str]]) -> str:
    if not shared:
        return ""
    lines = [
        f"- {code(path, _LONGEST_PATH)}: {listed([name(one) for one in shared[path]], 'and')}"
        for path in sorted(shared)[:_MOST]
    ]
    if len(shared) > _MOST:
        lines.append(f"- and {len(shared) - _MOST} more")
    return "\n".join(["Other environments read some of it too, and change with it:", "", *lines])
