# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a clean clone and a running Go part, told so that the reader can mend it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_TAIL = 12


class ToolchainError(Exception):
    """A Go part is not to be had; `str()` is the whole text for a person, `message` its first sentence."""

    def __init__(self, message: str, *, remedy: str = "", tail: Sequence[str] = (), log: Path | None = None):
        self.message = message
        self.remedy = remedy
        self.tail = tuple(tail)
        self.log = log
        parts = [" ".join(part for part in (message, remedy) if part)]
        parts += [f"    {line}" for line in self.tail]
        if log is not None:
            parts.append(f"The whole log is in {log}.")
        super().__init__("\n".join(parts))


_AGAIN = "What was done so far is kept: run the same command again."

# The first pattern that matches some line decides, so causes stand before their consequences.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "Free some space, or point GOCACHE, GOMODCACHE, GOTMPDIR and FAIRWAY_CACHE to a larger disk. "
        + _AGAIN,
    ),
    (
        r"signal: killed|cannot allocate memory|out of memory",
        "the machine ran out of memory",
        "Close something, or compile less at once with GOFLAGS=-p=1. " + _AGAIN,
    ),
    (
        r"signal: (interrupt|terminated)",
        "it was interrupted",
        _AGAIN,
    ),
    (
        r"checksum mismatch|SECURITY ERROR",
        "a Go module is not the one that go.sum names",
        "Somebody between here and its author changed it: do not go on before you know who.",
    ),
    (
        r"missing go\.sum entry|updates to go\.(mod|sum) needed",
        "go.mod and go.sum do not fit together",
        "Run `go mod tidy` there and commit both.",
    ),
    (
        r"module lookup disabled by GOPROXY=off",
        "a Go module is missing and GOPROXY=off forbids to fetch it",
        "Unset GOPROXY, or set it to a proxy that may be asked.",
    ),
    (
        r"\b(404 Not Found|410 Gone|unknown revision)\b",
        "a Go module cannot be had from the proxy that GOPROXY names",
        "Check GOPROXY (`go env GOPROXY`); a mirror may lack the version.",
    ),
    (
        r"dial tcp|no such host|i/o timeout|connection (refused|reset)|network is unreachable|TLS handshake"
        r"|tls: |x509|proxyconnect|server misbehaving|unexpected EOF|\b5\d\d (Internal|Bad|Service|Gateway)",
        "a Go module could not be fetched",
        "Check the network, and GOPROXY or HTTPS_PROXY where a proxy is needed. " + _AGAIN,
    ),
)


def explain(name: str, lines: Sequence[str], log: Path) -> ToolchainError:
    """Turn the output of a failed go command into an error that says why and what to do."""
    tail = [line for line in lines if line.strip()][-_TAIL:]
    for pattern, cause, remedy in _CAUSES:
        if any(re.search(pattern, line) for line in lines):
            return ToolchainError(f"{name} was not built: {cause}.", remedy=remedy, tail=tail, log=log)
    return ToolchainError(f"{name} was not built: it does not compile.", tail=tail, log=log)
