# SPDX-License-Identifier: Apache-2.0
"""Whether a webhook was signed with our secret.

Only X-Hub-Signature-256 counts: SHA-1, which GitHub still sends beside it, is not accepted alone.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import re

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")


def well_formed(header: str) -> bool:
    """Tell whether a header can be a signature at all, which is known before the body is read."""
    return _SIGNATURE.fullmatch(header) is not None


def verify(secret: str, body: bytes, header: str) -> bool:
    """Tell whether `header` (the value of X-Hub-Signature-256) signs exactly this body; constant in time.

    An empty secret signs nothing: everybody knows it.
    """
    if not secret or not well_formed(header):
        return False
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, header)
