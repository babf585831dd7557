# SPDX-License-Identifier: Apache-2.0
"""The errors that reach a person, as one small tree.

FairwayError
├── SettingsError       the process cannot start as configured
├── TerminalError       the object must change before a retry can help
└── (adapters add their own: the engine's, Git's, the API server's, GitHub's)

`message` says what happened, to which object and why; `remedy` says what to do. Both reach the user
unchanged, so neither may carry a secret. `reason` is the condition reason, in Flux's vocabulary.
"""

from __future__ import annotations


class FairwayError(Exception):
    """Say what went wrong in words for the person who has to mend it."""

    reason = "Failed"
    retryable = True

    def __init__(
        self, message: str, *, reason: str | None = None, retryable: bool | None = None, remedy: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if reason is not None:
            self.reason = reason
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy}" if self.remedy else self.message


class TerminalError(FairwayError):
    """Stop until the object, or what it refers to, changes."""

    retryable = False


class SettingsError(FairwayError):
    """Refuse to start; the message lists every problem found, one a line."""

    retryable = False
