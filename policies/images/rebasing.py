# SPDX-License-Identifier: Apache-2.0
"""/rebase: an automation is told to make the branch of a pull request anew, whoever has pushed to it.

The order is an annotation of the ImageUpdateAutomation, `fairway.dev/rebase-<number>: <head>`, set together
with `reconcile.fluxcd.io/requestedAt`, so that neither a dead worker nor an emptied Redis loses it. It counts
only for that head, all forty digits of it: what is pushed later is not thrown away by it.

Whoever carries an automation out (1) takes a pull request of which `asked` is true for one that nobody has
edited and that is to be renewed (`proposals.Pull.anew`), (2) moves its branch only if that still ends with
this head, (3) takes the label `fairway/edited` off, which needs no order once the branch is ours alone again,
and (4) removes last what `settled` returns, also where there was nothing to do. A worker that dies before (4)
leaves an annotation that counts for nothing, and the next run removes it.
"""

from __future__ import annotations

from collections.abc import Mapping

PREFIX = "fairway.dev/rebase-"


def request(number: int, head: str) -> dict[str, str]:
    """Return the annotation that has the branch of a pull request made anew, if it ends with this head."""
    return {f"{PREFIX}{number}": head}


def asked(annotations: Mapping[str, str], number: int, head: str) -> bool:
    """Tell whether the branch of a pull request with this head is to be made anew."""
    return bool(head) and annotations.get(f"{PREFIX}{number}") == head


def settled(annotations: Mapping[str, str], waiting: Mapping[int, str] | None = None) -> dict[str, None]:
    """Return the merge patch of annotations that removes what was carried out, or counts for nothing.

    `waiting` are the heads, by pull request, of those that could not be made anew yet.
    """
    still = {f"{PREFIX}{number}": head for number, head in (waiting or {}).items()}
    return {
        name: None
        for name, head in annotations.items()
        if name.startswith(PREFIX) and still.get(name) != head
    }
