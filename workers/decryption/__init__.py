# SPDX-License-Identifier: Apache-2.0
"""Decryption of what lies encrypted in a source: the keys, the child process that uses them, and the build.

Plaintext is in memory only: in that child, here, and in the rendering engine for one build.
"""

from __future__ import annotations

from workers.decryption.building import build
from workers.decryption.keys import Keys, KeysUnavailable, keys_of
from workers.decryption.sops import Sops

__all__ = ["Keys", "KeysUnavailable", "Sops", "build", "keys_of"]
