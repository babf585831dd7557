# SPDX-License-Identifier: Apache-2.0
"""The process that `fairway up --detach` leaves behind: `python -m app.cli.detached FOLDER`.

The settings come in on its standard input: they may hold a password, which is nobody's to read in a file or
in the list of processes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app.cli.serving import Serving
from app.cli.state import State
from policies.errors import FairwayError


def main(folder: str) -> None:
    """Serve until told to end; what went wrong is the last line of the log."""
    environment = json.load(sys.stdin)
    try:
        Serving(State(Path(folder)), environment, screen=None).run(as_json=True)
    except FairwayError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main(sys.argv[1])
