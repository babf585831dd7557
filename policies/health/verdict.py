# SPDX-License-Identifier: Apache-2.0
"""The answer to "how is this object", in kstatus' words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    UNKNOWN = "Unknown"
    NOT_FOUND = "NotFound"


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict and why: a sentence, and one word for programs where there is one."""

    verdict: Verdict
    message: str
    reason: str = ""

    @property
    def current(self) -> bool:
        return self.verdict is Verdict.CURRENT

    @property
    def failed(self) -> bool:
        return self.verdict is Verdict.FAILED


NOT_FOUND = Health(Verdict.NOT_FOUND, "Resource not found")


def current(message: str) -> Health:
    return Health(Verdict.CURRENT, message)


def in_progress(message: str, reason: str) -> Health:
    return Health(Verdict.IN_PROGRESS, message, reason)


def failed(message: str, reason: str) -> Health:
    return Health(Verdict.FAILED, message, reason)
