# SPDX-License-Identifier: Apache-2.0
"""Reconcile one source and one Kustomization as a worker does, and die at a given point: a child process.

`python -m tests.scenarios.killed POINT NAMESPACE NAME`, with a worker's environment.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from policies import kustomization as decisions
from workers.cluster import Client
from workers.context import Context
from workers.engine import Engine
from workers.reconcile.apply import Applier
from workers.reconcile.gitrepository import GitRepositoryReconciler
from workers.reconcile.kustomization import KustomizationReconciler
from workers.reconcile.kustomization_status import Report
from workers.workqueue import Key, Queue

# point → the owner and the name of the call, and whether we die before or after it
POINTS: dict[str, tuple[Any, str, str]] = {
    "observed": (decisions, "decide", "before"),
    "decided": (Engine, "build", "before"),
    "written down": (Report, "about_to_apply", "after"),
    "half applied": (Client, "apply", "after"),
    "applied": (Applier, "apply", "after"),
    "pruned": (KustomizationReconciler, "_prune", "after"),
    "recorded": (Report, "_write", "after"),
}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(call: Callable[..., Any], when: str) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        answer = call(*args, **kwargs)
        if not kwargs.get("dry_run"):
            die()
        return answer

    return wrapped


def main(point: str, namespace: str, name: str) -> None:
    context = Context.from_environment("worker")
    mine(context, Key("GitRepository", namespace, "src"), GitRepositoryReconciler(context).reconcile)
    owner, attribute, when = POINTS[point]
    setattr(owner, attribute, deadly(getattr(owner, attribute), when))
    mine(context, Key("Kustomization", namespace, name), KustomizationReconciler(context).reconcile)


def mine(context: Context, key: Key, reconcile: Callable[[str, str], None]) -> None:
    """Run as soon as the object is free: the worker may have been stopped at the end of a run of its own."""
    while True:
        context.queue.add(key, Queue.PUSH)
        with context.queue.take() as found:
            if found == key:
                reconcile(key.namespace, key.name)
                return
            if found is not None:
                context.queue.add(found, Queue.PUSH)  # somebody else's: it waits again
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
