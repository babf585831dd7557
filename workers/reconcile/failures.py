# SPDX-License-Identifier: Apache-2.0
"""How a refusal by the API server reads in a condition: the object first, then what was refused."""

from __future__ import annotations

from policies.errors import FairwayError
from policies.objects import ObjectRef
from workers.cluster.errors import ApiError, NoMatch, NotFound


class ApplyFailed(FairwayError):
    """One object could not be applied; `ref` is the object, `cause` what the API server said."""

    reason = "ReconciliationFailed"

    def __init__(self, ref: ObjectRef, what: str, cause: ApiError | None) -> None:
        super().__init__(_sentence(ref, what, cause))
        self.ref = ref
        self.cause = cause


class PruneFailed(FairwayError):
    """Objects that were applied once could not be deleted; they stay in the inventory."""

    reason = "PruneFailed"

    def __init__(self, message: str, survivors: list[ObjectRef]) -> None:
        super().__init__(message)
        self.survivors = survivors


def _sentence(ref: ObjectRef, what: str, cause: ApiError | None) -> str:
    if cause is None:
        return f"{ref} {what}"
    if isinstance(cause, NotFound) and not isinstance(cause, NoMatch) and not ref.namespace:
        return f"{ref} namespace not specified: {cause.message}"
    kind = f" ({cause.cause})" if cause.cause else ""
    return f"{ref} {what}{kind}: {cause.message}"
