# SPDX-License-Identifier: Apache-2.0
"""How a refusal by the API server reads in a condition: the object first, then what was refused."""

from __future__ import annotations

from collections.abc import Iterable

from policies.errors import FairwayError
from policies.objects import ObjectRef
from policies.withholding import withheld
from workers.cluster.errors import ApiError, NoMatch, NotFound


class ApplyFailed(FairwayError):
    """One object could not be applied; `ref` is the object, `cause` what the API server said.

    `applied` are the lines of the change log of what had been applied before it, `touched` everything that
    may be on the cluster because of this run.
    """

    reason = "ReconciliationFailed"

    def __init__(self, ref: ObjectRef, what: str, cause: ApiError | None, *, file: str = "") -> None:
        super().__init__(_sentence(ref, what, cause, file))
        self.applied: list[str] = []
        self.touched: list[ObjectRef] = []
        self.ref = ref
        self.what = what
        self.cause = cause

    def in_file(self, file: str) -> ApplyFailed:
        """Return the failure naming the file of the source that the object came from."""
        named = ApplyFailed(self.ref, self.what, self.cause, file=file)
        named.applied, named.touched = self.applied, self.touched
        return named

    def without(self, words: Iterable[str]) -> ApplyFailed:
        """Return the failure with what the API server quoted of decrypted values left out."""
        self.message = withheld(self.message, words)
        return self

    @property
    def refused(self) -> bool:
        """Tell whether it was surely not written: an answer that did not come says nothing."""
        return self.what == "dry-run failed" or (self.cause is not None and 400 <= self.cause.status < 500)

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *self.applied])


class PruneFailed(FairwayError):
    """Objects that were applied once could not be deleted; they stay in the inventory."""

    reason = "PruneFailed"

    def __init__(self, message: str, survivors: list[ObjectRef], deleted: list[ObjectRef]) -> None:
        super().__init__(message)
        self.survivors = survivors
        self.deleted = deleted


def _sentence(ref: ObjectRef, what: str, cause: ApiError | None, file: str) -> str:
    notes = [note for note in (cause.cause if cause else "", file) if note]
    said = f"{ref} {what}" + (f" ({', '.join(notes)})" if notes else "")
    if cause is None:
        return said
    if isinstance(cause, NotFound) and not isinstance(cause, NoMatch) and not ref.namespace:
        return f"{said}: namespace not specified: {cause.message}"
    return f"{said}: {cause.message}"
