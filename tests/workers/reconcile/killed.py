# SPDX-License-Identifier: Apache-2.0
"""Work on keys as a worker does, and die after the n-th call of a method: a child process.

`python -m tests.workers.reconcile.killed METHOD N KEY…`, with a worker's environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.workers.orders.killed import deadly
from workers.context import Context
from workers.workqueue import Key


def kill(context: Context, app_key: str | Path, method: str, countdown: int, *keys: Key) -> None:
    """Have a worker with these settings work on the keys, die on the way, and Redis lose everything."""
    settings = context.settings
    environment = os.environ | {
        "FAIRWAY_REDIS_URL": settings.redis_url,
        "FAIRWAY_DATA": settings.data_dir,
        "FAIRWAY_CLUSTER": settings.cluster,
        "FAIRWAY_TENANCY": settings.tenancy,
        "FAIRWAY_GITHUB_URL": settings.github_url,
        "FAIRWAY_GITHUB_API_URL": settings.github_api_url,
        "FAIRWAY_GITHUB_ACCOUNTS": ",".join(settings.github_accounts),
        "FAIRWAY_GITHUB_APP_ID": settings.github_app_id,
        "FAIRWAY_GITHUB_PRIVATE_KEY_FILE": str(app_key),
        "FAIRWAY_ALLOW_LOOPBACK": "true",
        "KUBECONFIG": str(settings.kubeconfig),
    }
    command = [sys.executable, "-m", "tests.workers.reconcile.killed", method, str(countdown)]
    ended = subprocess.run(
        [*command, *map(str, keys)], env=environment, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    context.redis.flushall()


def _methods() -> dict[str, tuple[Any, str]]:
    from workers.github.checks import CheckWriter
    from workers.github.comments import Comments
    from workers.github.deployments import DeploymentWriter
    from workers.github.gitdata import GitData
    from workers.github.labels import Labels
    from workers.github.pulls import Pulls
    from workers.github.statuses import StatusWriter

    return {
        "comment": (Comments, "ensure"),
        "status": (StatusWriter, "ensure"),
        "check": (CheckWriter, "ensure"),
        "deployment": (DeploymentWriter, "ensure"),
        "deployment's status": (DeploymentWriter, "ensure_status"),
        "merge": (Pulls, "merge"),
        "commit": (GitData, "commit"),
        "open": (Pulls, "ensure"),
        "rewrite": (Pulls, "rewrite"),
        "delete branch": (GitData, "delete_branch"),
        "close": (Pulls, "close"),
        "label": (Labels, "add"),
    }


def main(method: str, countdown: str, *keys: str) -> None:
    from workers import process

    cls, name = _methods()[method]
    setattr(cls, name, deadly(getattr(cls, name), int(countdown)))
    for key in keys:
        process.work_on(Key.parse(key))


if __name__ == "__main__":
    main(*sys.argv[1:])
