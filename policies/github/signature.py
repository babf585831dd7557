# SPDX-License-Identifier: Apache-2.0
"""Whether a webhook was signed with our secret.

Only X-Hub-Signature-256 counts: SHA-1, which GitHub still sends beside it, is not accepted alone.
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac


def verify(secret: str, body: bytes, header: str) -> bool:
    """Tell whether `header` (the value of X-Hub-Signature-256) signs exactly this body; constant in time."""
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), header.encode(errors="replace"))
