# SPDX-License-Identifier: Apache-2.0
"""Building a source with encrypted parts: the engine names them, they are decrypted, and it builds again."""

from __future__ import annotations

import base64
import time
from dataclasses import replace

from policies.withholding import secret_words
from workers.decryption.keys import Keys
from workers.decryption.sops import Sops
from workers.engine import BuildFailed, BuildRequest, BuildResult, Engine
from workers.engine.client import Ciphertext
from workers.engine.errors import DecryptionFailed, EngineDied, EngineTimeout

# Files before the build, objects after it, and the build itself; one more for what was encrypted twice.
_ROUNDS = 4
_DECRYPTION_TIMEOUT = 30.0  # seconds for everything in one build; a key service may have to be asked


def build(engine: Engine, sops: Sops, request: BuildRequest, keys: Keys, *, timeout: float) -> BuildResult:
    """Render a Kustomization with what is encrypted decrypted; raises EngineError's subclasses.

    `timeout` is the engine's, for each of at most four turns.
    """
    known: dict[str, str] = {}
    words: frozenset[str] = frozenset()
    deadline = time.monotonic() + _DECRYPTION_TIMEOUT
    for _ in range(_ROUNDS):
        built = engine.build(replace(request, decrypted=known), timeout=timeout)
        if not built.encrypted:
            return replace(built, secret_words=words)
        for one in built.encrypted:
            left = max(1.0, deadline - time.monotonic())
            known[one.key] = _decrypt(sops, one, keys, timeout=left)
            words |= secret_words(base64.b64decode(known[one.key]), base64.b64decode(one.data))
    raise BuildFailed("kustomize build failed: the source is encrypted more than twice over")


def _decrypt(sops: Sops, one: Ciphertext, keys: Keys, *, timeout: float) -> str:
    try:
        return sops.decrypt(one, keys, timeout=timeout)
    except (DecryptionFailed, EngineTimeout, EngineDied) as error:
        raise type(error)(one.during + error.message, file=one.file) from None
