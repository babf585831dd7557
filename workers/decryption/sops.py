# SPDX-License-Identifier: Apache-2.0
"""The Go child process that decrypts with SOPS; no engine, so that keys are not where builds run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import toolchain
from workers.decryption.keys import Keys
from workers.engine.child import Child
from workers.engine.client import Ciphertext
from workers.engine.errors import EngineDied


def installed() -> Path:
    """Find the program, or build it, which takes a minute or two and says so; raises EngineDied."""
    try:
        return toolchain.binary("fairway-sops")
    except toolchain.ToolchainError as error:
        raise EngineDied(f"the program that decrypts is not there: {error}") from error


class Sops(Child):
    """Found, and where need be built, when something encrypted is met for the first time."""

    def __init__(self, find: Callable[[], Path] = installed, *, allow_loopback: bool = False) -> None:
        super().__init__(
            find, what="the decryption", arguments=["--allow-loopback"] if allow_loopback else []
        )

    def decrypt(self, encrypted: Ciphertext, keys: Keys, *, timeout: float) -> str:
        """Return the plaintext in base64; raises DecryptionFailed, KeyUnusable or EngineError's others."""
        answer = self.ask(
            "decrypt",
            {
                "data": encrypted.data,
                "input": encrypted.input,
                "output": encrypted.output,
                "keys": dict(keys.entries),
                "from": keys.source,
            },
            timeout=timeout,
        )
        return str(answer["data"] or "")
