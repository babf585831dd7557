# SPDX-License-Identifier: Apache-2.0
"""Git's signed objects: what was signed, and the signature, taken out of a commit's or a tag's raw bytes."""

from __future__ import annotations

from dataclasses import dataclass

_HEADER = b"gpgsig "
_TAG_SIGNATURES = (
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
)


@dataclass(frozen=True, slots=True)
class Signed:
    """The bytes that were signed, and the armored signature ("" when there is none)."""

    payload: bytes
    signature: str


def commit(raw: bytes) -> Signed:
    """Take a commit apart: its signature is a header, whose further lines begin with a space."""
    headers, end, message = raw.partition(b"\n\n")
    kept: list[bytes] = []
    signature: list[bytes] = []
    inside = False
    for line in headers.split(b"\n"):
        inside = line.startswith(_HEADER) or (inside and line.startswith(b" "))
        if inside:
            signature.append(line.removeprefix(_HEADER) if line.startswith(_HEADER) else line[1:])
        else:
            kept.append(line)
    return Signed(b"\n".join(kept) + end + message, _text(b"\n".join(signature)))


def tag(raw: bytes) -> Signed:
    """Take an annotated tag apart: its signature is the end of its message."""
    lines = raw.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if line.startswith(_TAG_SIGNATURES)]
    if not starts:
        return Signed(raw, "")
    return Signed(b"".join(lines[: starts[-1]]), _text(b"".join(lines[starts[-1] :])))


def _text(signature: bytes) -> str:
    return signature.decode("ascii", errors="replace")
