# SPDX-License-Identifier: Apache-2.0
"""Receivers on the real API server, Redis and engine: a front door, and a worker for what it queues."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from app import create_app
from app.cli.install import prepare
from app.cli.redis import EmbeddedRedis
from policies import conditions
from policies.objects import Object, ObjectRef
from policies.receivers.delivery import TASK
from policies.settings import Settings
from tests.fixtures.cluster import Cluster
from workers.cluster import Client
from workers.context import Context
from workers.images.repository import KIND as IMAGES
from workers.receivers import taking
from workers.receivers.receiver import KIND, ReceiverReconciler

QUEUE = "fairway:celery:events"
TOKEN = "correct horse battery staple"
REQUESTED = "reconcile.fluxcd.io/requestedAt"


@dataclass
class Hooks:
    """A namespace, Receivers in it, and the ways a webhook takes."""

    client: Client
    context: Context
    namespace: str
    door: FlaskClient

    def secret(self, name: str = "hook", **data: str) -> None:
        """Make or change a Secret; by default it has the token."""
        values = data or {"token": TOKEN}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        metadata = {"name": name, "namespace": self.namespace}
        obj = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
        self.client.apply(obj, manager="test")

    def receiver(self, name: str = "web", **spec: Any) -> ObjectRef:
        """Make a Receiver that has the image `web` scanned, or change one."""
        full = {
            "type": "generic",
            "secretRef": {"name": "hook"},
            "resources": [{"kind": "ImageRepository", "name": "web"}],
            **spec,
        }
        return self._make(KIND, name, {key: value for key, value in full.items() if value is not None})

    def image(self, name: str = "web", **labels: str) -> ObjectRef:
        """Make an ImageRepository, which nobody scans here."""
        return self._make(IMAGES, name, {"image": "example.com/web", "interval": "1h"}, labels)

    def reconcile(self, ref: ObjectRef) -> Object:
        ReceiverReconciler(self.context).reconcile(ref.namespace, ref.name)
        return self.client.get(ref)

    def ready(self, name: str = "web", **spec: Any) -> str:
        """Make a Receiver and have it reconciled; returns its path."""
        if spec.get("secretRef", "") is not None:
            self.secret()
        obj = self.reconcile(self.receiver(name, **spec))
        assert ready(obj)[:2] == ("True", "Succeeded"), ready(obj)
        return str(obj["status"]["webhookPath"])

    def send(self, path: str, body: Any = b"", **headers: str) -> int:
        """Send a webhook as its sender does; returns the status code."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Content-Type", "application/json")
        return self.door.post(path, data=raw, headers=sent).status_code

    def requested(self, ref: ObjectRef) -> str:
        """Return what was asked of an object; empty when nothing was."""
        return str(self.client.get(ref)["metadata"].get("annotations", {}).get(REQUESTED, ""))

    def _make(
        self, kind: tuple[str, str, str], name: str, spec: Any, labels: dict[str, str] | None = None
    ) -> ObjectRef:
        ref = ObjectRef(*kind, self.namespace, name)
        metadata = {"name": name, "namespace": self.namespace, "labels": labels or {}}
        self.client.apply(
            {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata, "spec": spec},
            manager="test",
        )
        return ref


def ready(obj: Object) -> tuple[str, str, str]:
    """Return status, reason and message of Ready."""
    found = conditions.find(conditions.of(obj), "Ready") or {}
    return found.get("status", ""), found.get("reason", ""), found.get("message", "")


def mac(body: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(TOKEN.encode(), body, algorithm).hexdigest()


@pytest.fixture(scope="session")
def _kinds(client: Client) -> None:
    prepare(client, "fairway-system")


@pytest.fixture
def make_context(
    cluster: Cluster, redis_server: EmbeddedRedis, tmp_path: Path, _kinds: None
) -> Callable[..., Context]:
    """Return a worker's context with these settings."""
    (tmp_path / "secret").write_text("the App's")

    def make(**settings: str) -> Context:
        environment = {
            "FAIRWAY_ALLOW_LOOPBACK": "true",
            "FAIRWAY_REDIS_URL": redis_server.url,
            "FAIRWAY_DATA": str(tmp_path),
            "FAIRWAY_WEBHOOK_SECRET_FILE": str(tmp_path / "secret"),
            "KUBECONFIG": str(cluster.kubeconfig),
            **settings,
        }
        return Context(Settings.from_env(environment, lambda path: Path(path).read_text()))

    return make


@pytest.fixture
def hooks(client: Client, namespace: str, make_context: Callable[..., Context]) -> Iterator[Hooks]:
    with working(client, namespace, make_context()) as made:
        yield made


class working:
    """A front door, and a thread that does a worker's part until the block ends."""

    def __init__(self, client: Client, namespace: str, context: Context) -> None:
        door = create_app(context.settings).test_client()
        self._hooks = Hooks(client, context, namespace, door)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Hooks:
        self._thread.start()
        return self._hooks

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._hooks.context.engine.close()
        self._hooks.context.asking.close()

    def _work(self) -> None:
        own = redis.Redis.from_url(self._hooks.context.settings.redis_url)
        while not self._ended.is_set():
            found: Any = own.brpop([QUEUE], 0.1)
            if found is not None:
                message = json.loads(found[1])
                assert message["headers"]["task"] == TASK
                _, arguments, _ = json.loads(base64.b64decode(message["body"]))
                taking.take(self._hooks.context, arguments)
        own.close()
