# SPDX-License-Identifier: Apache-2.0
"""What became of a commit or a merged pull request on a cluster, as values that texts are written from."""

from __future__ import annotations

from policies.pull_request.content import Content, Mark, Row, Runs, Undone
from policies.pull_request.gathering import MOST_ROWS, content, environments, within
from policies.pull_request.outcome import Fate, Outcome, outcome

__all__ = [
    "MOST_ROWS",
    "Content",
    "Fate",
    "Mark",
    "Outcome",
    "Row",
    "Runs",
    "Undone",
    "content",
    "environments",
    "outcome",
    "within",
]
