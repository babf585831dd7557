# SPDX-License-Identifier: Apache-2.0
"""What a check run says, as GitHub takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_ANNOTATIONS = 50  # GitHub takes no more in one request


@dataclass(frozen=True, slots=True)
class Annotation:
    """A message at lines of a file, shown in the diff; title and message are plain text there."""

    path: str
    start_line: int
    end_line: int
    level: Literal["failure", "warning", "notice"]
    message: str
    title: str


@dataclass(frozen=True, slots=True)
class Check:
    """A finished check run: its title is plain text, its summary Markdown."""

    conclusion: Literal["success", "failure", "neutral"]
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
