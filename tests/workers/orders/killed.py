# SPDX-License-Identifier: Apache-2.0
"""Answer a comment as a worker does, and die after the n-th call of a method: a child process.

`python -m tests.workers.orders.killed METHOD N OWNER REST`, with a worker's environment.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from workers.cluster import Client
from workers.context import Context
from workers.github.comments import Comments as GitHubComments
from workers.github.gitdata import GitData
from workers.github.pulls import Pulls
from workers.github.reactions import Reactions
from workers.orders.conversation import Comments
from workers.orders.records import Records

METHODS: dict[str, Any] = {
    "react": (Reactions, "add"),
    "create": (Records, "create"),
    "write": (Records, "write"),
    "delete": (Records, "delete"),
    "patch": (Client, "patch"),
    "reply": (GitHubComments, "ensure"),
    "commit": (GitData, "commit"),
    "open": (Pulls, "ensure"),
    "close": (Pulls, "close"),
    "rewrite": (Pulls, "rewrite"),
}


def deadly(call: Callable[..., Any], countdown: int) -> Callable[..., Any]:
    left = [countdown]

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        answer = call(*args, **kwargs)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return wrapped


def main(method: str, countdown: str, owner: str, rest: str) -> None:
    cls, name = METHODS[method]
    setattr(cls, name, deadly(getattr(cls, name), int(countdown)))
    Comments(Context.from_environment("worker")).reconcile(owner, rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
