# SPDX-License-Identifier: Apache-2.0
"""Files that somebody might have meant as `.fairway.yaml`, made from a right one."""

from __future__ import annotations

import random
from collections.abc import Iterator

WORDS = (
    b"on", b"off", b"yes", b"~", b"", b"1", b"0", b"99", b"-1", b"1.5", b"1e999", b"true", b"'true'",
    b"prod", b"staging", b"acme/release", b"other/team", b"@alice", b"alice", b"write", b"admin", b"[]",
    b"{}", b"[a, a]", b"{a: b}", b"*a", b"&a x", b"!!str x", b"<<", b"?", b"- ", b": ", b"#", b"|", b">",
    b"'", b'"', b"\t", b"%", b"orders", b"environments", b"approvals", b"teams", b"version", b"promote",
    b"home", b"\xc3\xa9", b"\xff", b"\x00", b"\xe2\x80\xa8", b"\r", b"2026-01-01", b"0x1f", b"9" * 5000,
)  # fmt: skip


def mutated(text: str, number: int, seed: int = 20261128) -> Iterator[bytes]:
    """Yield that many files, each with a few changes; the same for the same seed."""
    chance = random.Random(seed)
    for _ in range(number):
        lines = text.encode().split(b"\n")
        for _ in range(chance.randint(1, 3)):
            _change(lines, chance)
        yield b"\n".join(lines)


def _change(lines: list[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(lines))
    line = lines[at]
    match chance.randrange(8):
        case 0:
            del lines[at : at + chance.randint(1, 3)]
            lines.append(b"")
        case 1:
            lines.insert(chance.randrange(len(lines)), line)
        case 2:
            lines[at] = b"  " * chance.randint(0, 4) + line.lstrip()
        case 3 | 4 | 5:
            words = line.replace(b"{", b" { ").replace(b"[", b" [ ").split(b" ")
            words[chance.randrange(len(words))] = chance.choice(WORDS)
            lines[at] = b" ".join(words)
        case 6:
            cut = chance.randint(0, len(line))
            lines[at] = line[:cut] + chance.choice(WORDS) + line[cut:]
        case _:
            cut = chance.randint(0, len(line))
            lines[at] = line[:cut] + line[cut + 1 :]
