# SPDX-License-Identifier: Apache-2.0
"""Whether one commit contains another, asked of the repository's history."""

from __future__ import annotations

import logging

from policies.errors import FairwayError
from policies.kinds import GitRepository
from workers.context import Context
from workers.reconcile.remotes import remote_of

log = logging.getLogger(__name__)


class Ancestry:
    def __init__(self, context: Context) -> None:
        self._context = context

    def contains(self, source: GitRepository, *, descendant: str, ancestor: str) -> bool | None:
        """Tell whether `descendant` has `ancestor` in its history; None when that cannot be found out."""
        try:
            remote = remote_of(self._context, source)
            return remote.is_ancestor(ancestor, descendant, timeout=source.timeout_seconds)
        except FairwayError as error:
            log.warning("history not known url=%s: %s", source.spec.url, error)
            return None
