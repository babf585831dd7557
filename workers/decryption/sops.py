# SPDX-License-Identifier: Apache-2.0
"""The Go child process that decrypts and signs; no engine, so that keys are not where builds run."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import toolchain
from workers.decryption.keys import Keys
from workers.engine.child import Child
from workers.engine.client import Ciphertext
from workers.engine.errors import EngineDied

_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def installed() -> Path:
    """Find the program, or build it, which takes a minute or two and says so; raises EngineDied."""
    try:
        return toolchain.binary("fairway-sops")
    except toolchain.ToolchainError as error:
        raise EngineDied(f"the program that decrypts is not there: {error}") from error


class Sops:
    """Found, and where need be built, when something encrypted is met for the first time.

    Keys that lie in the Secret take a moment, a key service takes its time: each has a child of its own, so
    that nobody waits for somebody else's Vault.
    """

    def __init__(self, find: Callable[[], Path] = installed, *, allow_loopback: bool = False) -> None:
        arguments = ["--allow-loopback"] if allow_loopback else []
        # Which authorities to trust is all that a key service's client takes from our surroundings.
        trust = {name: os.environ[name] for name in _TRUST if name in os.environ}
        self._here = Child(find, what="the decryption", arguments=arguments)
        self._asking = Child(
            find, what="the decryption by a key service", arguments=arguments, environment=trust
        )

    def decrypt(self, encrypted: Ciphertext, keys: Keys, *, timeout: float) -> str:
        """Return the plaintext in base64; raises DecryptionFailed, KeyUnusable or EngineError's others.

        `timeout` is in seconds and counts from our turn.
        """
        answer = (self._asking if keys.ask_others else self._here).ask(
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

    def sign(self, payload: bytes, kind: str, secret: str, keys: Mapping[str, str], *, timeout: float) -> str:
        """Return an armored signature; `kind` is gpg or ssh, `keys` the Secret's entries in base64.

        Raises KeyUnusable, which names the Secret, and EngineError's others.
        """
        asked = {
            "payload": b64encode(payload).decode(),
            "type": kind,
            "secret": secret,
            "keys": dict(keys),
        }
        return str(self._here.ask("sign", asked, timeout=timeout)["signature"])

    def close(self) -> None:
        self._here.close()
        self._asking.close()
