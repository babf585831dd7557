# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API over raw HTTP: typed models cost twelve times the CPU of the calls themselves."""

from __future__ import annotations

from workers.cluster.client import Client, WatchEvent
from workers.cluster.config import connect
from workers.cluster.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NoMatch,
    NotFound,
    Unavailable,
    WatchCut,
)
from workers.cluster.remote_clusters import Remote, RemoteClusters

__all__ = [
    "ApiError",
    "Client",
    "Conflict",
    "Forbidden",
    "Gone",
    "Invalid",
    "NoMatch",
    "NotFound",
    "Remote",
    "RemoteClusters",
    "Unavailable",
    "WatchCut",
    "WatchEvent",
    "connect",
]
