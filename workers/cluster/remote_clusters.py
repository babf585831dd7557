# SPDX-License-Identifier: Apache-2.0
"""The other clusters that Kustomizations name, each with its client, opened once and kept for a while."""

from __future__ import annotations

import base64
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from policies import kubeconfig
from policies.kubeconfig import KubeconfigError
from policies.objects import Object, ObjectRef
from policies.settings import Settings
from workers import plain_yaml
from workers.cluster.client import Client
from workers.cluster.errors import ApiError
from workers.cluster.kubeconfig import connect_to
from workers.cluster.remote import RemoteClient
from workers.plain_yaml import NotPlain

_MOST = 64  # clusters held open
_OLDEST = 600.0  # seconds after which a client is opened anew
_CALLS = 4  # calls side by side, which is Flux's --concurrent-ssa


def _calls() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CALLS, "remote")


@dataclass(frozen=True)
class Remote:
    """Another cluster: a client of it, and threads of its own, so that its pace holds up nobody else."""

    client: RemoteClient
    version: tuple[str, ...]
    opened: float
    pool: ThreadPoolExecutor = field(default_factory=_calls)


class RemoteClusters:
    """Open clusters by the kubeconfig a Kustomization refers to; safe for threads.

    The Secret is read each time, and its uid and resourceVersion tell whether a client still is the one.
    """

    def __init__(self, home: Client, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._home = home
        self._settings = settings
        self._now = now
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[str, ...], Remote] = OrderedDict()

    def open(self, namespace: str, reference: Mapping[str, Any]) -> Remote:
        """Return the cluster that a spec.kubeConfig in a namespace names.

        Raises KubeconfigError when there is nothing that could be connected to, ApiError when the home
        cluster does not answer; the other cluster itself is not called yet.
        """
        secret_ref = reference.get("secretRef")
        if not secret_ref:
            raise KubeconfigError("spec.kubeConfig names no Secret", remedy="set spec.kubeConfig.secretRef")
        name, key = secret_ref["name"], secret_ref.get("key") or ""
        secret = self._read("Secret", namespace, name)
        return self._kept(("Secret", namespace, name, key), secret, lambda: self._connect(secret, key))

    def _kept(self, place: tuple[str, ...], source: Object, connect: Callable[[], RemoteClient]) -> Remote:
        version = (source["metadata"]["uid"], source["metadata"]["resourceVersion"])
        with self._lock:
            self._expire()
            found = self._open.get(place)
            if found is not None and found.version == version:
                self._open.move_to_end(place)
                return found
        made = Remote(connect(), version, self._now())
        with self._lock:
            if found := self._open.pop(place, None):
                found.client.close()
            self._open[place] = made
            while len(self._open) > _MOST:
                self._open.popitem(last=False)[1].client.close()
        return made

    def _expire(self) -> None:
        """Let go of what is too old; a run that still uses a client keeps it until its end."""
        oldest = self._now() - _OLDEST
        for place in [place for place, remote in self._open.items() if remote.opened < oldest]:
            self._open.pop(place).client.close()

    def _connect(self, secret: Object, key: str) -> RemoteClient:
        metadata = secret["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        text = base64.b64decode(kubeconfig.choose(secret.get("data") or {}, key, name) or "")
        try:
            access = kubeconfig.read(plain_yaml.load(text))
            return connect_to(access, allow_loopback=self._settings.allow_loopback)
        except (KubeconfigError, NotPlain) as error:
            raise KubeconfigError(
                f"KubeConfig secret '{name}' cannot be used: {error.message}", remedy=error.remedy
            ) from None

    def _read(self, kind: str, namespace: str, name: str) -> Object:
        try:
            return self._home.get(ObjectRef("", "v1", kind, namespace, name))
        except ApiError as error:
            raise KubeconfigError(
                f"unable to read KubeConfig secret '{namespace}/{name}' error: {error.message}"
            ) from error
