# SPDX-License-Identifier: Apache-2.0
"""What a comment says, as lines for a terminal: what nobody sees on GitHub is left out."""

from __future__ import annotations

import re

_HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
_FOOTER = re.compile(r"<sub>.*?</sub>", re.DOTALL)
_FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
_CODE_BLOCK = re.compile(r"^(`{3,})[^\n]*\n(.*?)^\1\s*$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_RULE = re.compile(r"^\|[-:| ]+\|$")
_LAST = 2  # cells of a row that are told, after its mark: object and state; the time stands beside them here


def lines(body: str) -> list[str]:
    """Return a comment's lines; a table's rows without its head, a fold and a code block as one line."""
    text = _CODE_BLOCK.sub(lambda found: found[2].strip().splitlines()[0] if found[2].strip() else "", body)
    for left_out in (_HIDDEN, _FOOTER, _FOLD):
        text = left_out.sub("", text)
    rows = [line.strip() for line in text.splitlines()] or [""]
    return [
        plain
        for row, below in zip(rows, [*rows[1:], ""], strict=True)
        if not _RULE.match(row) and not _RULE.match(below) and (plain := _plain(row))
    ]


def _plain(row: str) -> str:
    if row.startswith("|"):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))]
        marked = not cells[0][:1].isascii()
        row = "  ".join(cell for cell in cells[: _LAST + marked] if cell)
    return _ESCAPED.sub(r"\1", _LINK.sub(r"\1", row.lstrip("# ").replace("**", "").replace("`", ""))).strip()
