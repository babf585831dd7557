# SPDX-License-Identifier: Apache-2.0
"""What `web` counts."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

DELIVERIES = Counter(
    "fairway_webhook_deliveries_total", "Webhook deliveries by event and outcome.", ["event", "outcome"]
)
SECONDS = Histogram(
    "fairway_webhook_seconds",
    "Seconds from a delivery's headers to its answer.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10),
)
