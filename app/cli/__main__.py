# SPDX-License-Identifier: Apache-2.0
"""`python -m app.cli` is the `fairway` command, wherever it is installed."""

from app.cli import main

main()
