# SPDX-License-Identifier: Apache-2.0
"""Words that were decrypted, and messages of others that must not repeat them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SEPARATORS = re.compile(rb"[\s=:,;\"'`{}\[\]()$\\]+")
_SHORTEST = 3  # characters; shorter words are in every text


def secret_words(plain: bytes, encrypted: bytes) -> frozenset[str]:
    """Return the words of a decrypted document that cannot be read in the encrypted one."""
    words = set(_SEPARATORS.split(plain)) - set(_SEPARATORS.split(encrypted))
    return frozenset(w.decode(errors="replace") for w in words if len(w) >= _SHORTEST)


def withheld(text: str, words: Iterable[str]) -> str:
    """Return a message without these words."""
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, "<withheld>")
    return text
