# SPDX-License-Identifier: Apache-2.0
"""Run the forge: `python -m sandbox.forge --dir DIR [--port P]`.

Prints one JSON line when it answers requests; stops on SIGTERM or SIGINT.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import click

from sandbox.forge.server import GITHUB_LIMITS, HOURLY_LIMIT, UNLIMITED, ForgeServer


@click.command()
@click.option(
    "--dir", "directory", required=True, type=click.Path(path_type=Path), help="Where the data lies."
)
@click.option("--port", default=0, show_default="a free one", help="Port on 127.0.0.1.")
@click.option("--hourly-limit", default=HOURLY_LIMIT, show_default=True, help="Requests per caller and hour.")
@click.option("--secondary-limits", is_flag=True, help="Limit content and points as GitHub does.")
def main(directory: Path, port: int, hourly_limit: int, secondary_limits: bool) -> None:
    """Serve a forge on loopback."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        limits = GITHUB_LIMITS if secondary_limits else UNLIMITED
        server = ForgeServer(directory, port=port, hourly_limit=hourly_limit, secondary=limits)
    except BlockingIOError:
        sys.exit(f"A forge runs on {directory} already; stop it or choose another --dir.")
    for number in (signal.SIGTERM, signal.SIGINT):
        # `stop` waits for the loop that the handler interrupts, so it must run beside it.
        signal.signal(number, lambda *_: threading.Thread(target=server.stop).start())
    print(json.dumps({"event": "ready", "url": server.url}), flush=True)
    server.serve()
    # A webhook that does not answer would hold the exit up; its delivery goes out at the next start.
    os._exit(0)


if __name__ == "__main__":
    main()
