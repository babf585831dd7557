# SPDX-License-Identifier: Apache-2.0
"""The process that `fairway up --detach` leaves behind: `python -m app.cli.detached FOLDER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from app.cli.up import serve

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    environment = json.loads((folder / "environment.json").read_text())
    serve(folder, environment, quiet=True)
