# SPDX-License-Identifier: Apache-2.0
"""What a commit with new images says when its automation has no messageTemplate.

Its last line says how large a step it is: GitHub signs the commit, and what it is merged by stands where
nobody can change it unseen.
"""

from __future__ import annotations

from typing import get_args

from policies.images.grouping import Group
from policies.images.updates import Step, Update

DEFAULT = "Update from image update automation"  # Flux's own, for a commit that is no pull request
TRAILER = "Fairway-Image-Step"
_LONGEST = 72  # characters of a first line that Git's and GitHub's lists show
_MOST = 50  # lines of a body


def subject(group: Group) -> str:
    """Name a group in one line: the image and its version where there is one, else how many."""
    if len(group.updates) == 1:
        (update,) = group.updates
        whole = f"Update {update.image.name} to {update.image.tag}"
        short = f"Update {update.image.name.rpartition('/')[2]} to {update.image.tag}"
        return next((text for text in (whole, short) if len(text) <= _LONGEST), short[: _LONGEST - 1] + "…")
    where = f" in {_printable(group.name)}" if group.by == "application" else ""
    text = f"Update {len(group.updates)} images{where}"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def message(group: Group) -> str:
    """Write the whole message: the subject, and a line for each policy."""
    lines = [_line(update) for update in group.updates[:_MOST]]
    if rest := len(group.updates) - len(lines):
        lines.append(f"- and {rest} more")
    return "\n".join([subject(group), "", *lines, ""])


def with_step(text: str, step: Step) -> str:
    """Add the line on the step to a message."""
    return f"{text.rstrip()}\n\n{TRAILER}: {step}"


def step_of(text: str) -> Step | None:
    """Return the step that a commit of ours says it is; None for another commit."""
    name, _, found = text.rstrip().rpartition("\n")[2].partition(": ")
    return next((step for step in get_args(Step) if name == TRAILER and step == found), None)


def _line(update: Update) -> str:
    namespace, _, name = update.policy.partition(":")
    files = f"{len(update.paths)} files" if len(update.paths) > 1 else _printable(update.paths[0])
    return f"- {update.image.part('image')}, selected by policy {namespace}/{name}, in {files}"


def _printable(text: str) -> str:
    """Write a path on one line: Git lets it hold line ends."""
    return "".join(character if character.isprintable() else "?" for character in text)
