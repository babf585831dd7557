# SPDX-License-Identifier: Apache-2.0
"""The Celery application: queues, and settings that make a lost message or worker harmless."""

from __future__ import annotations

import os
import ssl
from typing import Any

from celery import Celery
from kombu import Queue as KombuQueue

from workers.workqueue import CeleryQueue

# Seconds until Celery hands out a message that was not acknowledged again. Nothing rests on it: what a worker
# that was killed had taken is found by its mark, or because it is open, long before.
_VISIBILITY_TIMEOUT = 60


def celery_init(redis_url: str) -> Celery:
    """Return the application bound to a broker; time limits of a task lie in the calls it makes."""
    app = Celery("fairway", broker=redis_url, include=["workers.tasks"])
    app.conf.update(
        task_queues=[KombuQueue(name) for name in CeleryQueue],
        task_default_queue=CeleryQueue.EVENTS,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
        worker_pool="threads",
        worker_concurrency=int(os.environ.get("FAIRWAY_CONCURRENT", "16")),
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": _VISIBILITY_TIMEOUT,
            "queue_order_strategy": "priority",
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "global_keyprefix": "fairway:celery:",
        },
        timezone="UTC",
    )
    if redis_url.startswith("rediss://"):
        # kombu would take any certificate.
        app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    return app


def __getattr__(name: str) -> Any:
    # `celery -A workers.celery_app:app` asks for it; importing the module alone must need no settings.
    if name == "app":
        return celery_init(os.environ["FAIRWAY_REDIS_URL"])
    raise AttributeError(name)
