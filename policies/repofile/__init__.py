# SPDX-License-Identifier: Apache-2.0
"""`.fairway.yaml`: what a repository says of Fairway in it, read with line numbers, and what that narrows."""

from __future__ import annotations

from policies.repofile.model import NAME, RepositoryFile
from policies.repofile.narrowing import Narrowed, Shows, narrow
from policies.repofile.problem import Level, Problem, Span, fails
from policies.repofile.reader import ABSENT, Reading, read

__all__ = [
    "ABSENT",
    "NAME",
    "Level",
    "Narrowed",
    "Problem",
    "Reading",
    "RepositoryFile",
    "Shows",
    "Span",
    "fails",
    "narrow",
    "read",
]
