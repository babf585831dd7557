# SPDX-License-Identifier: Apache-2.0
"""Building a source with encrypted parts: the engine names them, they are decrypted, and it builds again."""

from __future__ import annotations

import time
from dataclasses import replace

from workers.decryption.keys import Keys
from workers.decryption.sops import Sops
from workers.engine import BuildFailed, BuildRequest, BuildResult, Engine
from workers.engine.errors import DecryptionFailed

# Files before the build, objects after it, and the build itself; one more for what was encrypted twice.
_ROUNDS = 4
_DECRYPTION_TIMEOUT = 30.0  # seconds for everything in one build; a key service may have to be asked


def build(engine: Engine, sops: Sops, request: BuildRequest, keys: Keys, *, timeout: float) -> BuildResult:
    """Render a Kustomization with what is encrypted decrypted; raises EngineError's subclasses.

    `timeout` is the engine's, for each of at most four turns.
    """
    known: dict[str, str] = {}
    deadline = time.monotonic() + _DECRYPTION_TIMEOUT
    for _ in range(_ROUNDS):
        built = engine.build(replace(request, decrypted=known), timeout=timeout)
        if not built.encrypted:
            return built
        for one in built.encrypted:
            try:
                left = max(1.0, deadline - time.monotonic())
                known[one.key] = sops.decrypt(one, keys, timeout=left)
            except DecryptionFailed as error:
                raise DecryptionFailed(one.during + error.message, file=one.file) from None
    raise BuildFailed("kustomize build failed: the source is encrypted more than twice over")
