# SPDX-License-Identifier: Apache-2.0
"""Which word somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 32  # characters; no word of ours is near to a longer one


def nearest(word: str, words: Iterable[str], *, most: int = 2) -> str | None:
    """Return the word that is nearest: at most 1 edit away, or 2 from five letters on; None when none is.

    With `most` 1 it is 1 for longer words too.
    """
    if not word or len(word) > _LONGEST:
        return None
    limit = 1 if len(word) < 5 else most
    found = sorted((_edits(word.lower(), other), other) for other in words)
    return found[0][1] if found and found[0][0] <= limit else None


def _edits(one: str, other: str) -> int:
    """Count letters put in, left out, exchanged, or swapped with the next."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above, before_above = row, before
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before_above[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
