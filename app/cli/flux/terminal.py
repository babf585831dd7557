# SPDX-License-Identifier: Apache-2.0
"""How these commands talk: marks and tables as `flux` has them, colours only on a terminal.

Every text that comes from the cluster is cleaned first: it must not steer the terminal that shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import click
import yaml

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_HEX = re.compile(r"\b[0-9a-f]{40,}\b")
_GAP = "\t"


def clean(text: str) -> str:
    """Return the text on one line, without anything that a terminal obeys."""
    return harmless(text.replace("\r\n", "\n").strip().replace("\n", " ").replace("\t", " "))


def harmless(text: str) -> str:
    """Return a line without anything that a terminal obeys."""
    return _CONTROL.sub("\ufffd", text)


def truncated(text: str) -> str:
    """Cut commit ids and digests to eight digits, wherever they stand."""
    return _HEX.sub(lambda found: found[0][:8], text)


def action(text: str) -> None:
    """Say what is being done; for people, so not on standard output."""
    click.echo(f"{click.style('►', fg='cyan')} {clean(text)}", err=True)


def waiting(text: str) -> None:
    click.echo(f"{click.style('◎', fg='magenta')} {clean(text)}", err=True)


def success(text: str) -> None:
    click.echo(f"{click.style('✔', fg='green')} {clean(text)}", err=True)


def failure(text: str) -> click.exceptions.Exit:
    """Say what went wrong, and return what ends the command with status 1."""
    click.echo(f"{click.style('✗', fg='red')} {clean(text)}", err=True)
    return click.exceptions.Exit(1)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, with_header: bool = True) -> str:
    """Lay out a table in columns as wide as they need, the last one as it comes."""
    lines = [[clean(cell) for cell in row] for row in rows]
    if with_header:
        lines.insert(0, list(header))
    widths = [max((len(line[column]) for line in lines), default=0) for column in range(len(header))]
    return "\n".join(
        _GAP.join(
            cell.ljust(width) if column + 1 < len(header) else cell
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def document(value: Any, form: str) -> str:
    """Write objects for a program: `json` or `yaml`."""
    if form == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).rstrip()
