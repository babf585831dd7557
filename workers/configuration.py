# SPDX-License-Identifier: Apache-2.0
"""What a repository may have Fairway do here, once its own `.fairway.yaml` has narrowed it.

The file of the default branch counts. Everything that obeys an order or writes on GitHub asks here.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from policies.budget import Urgency
from policies.repofile import ABSENT, NAME, Narrowed, Problem, Reading, Span, narrow, read
from policies.repofile.positions import Positions
from workers.bindings import tenant_of
from workers.context import Context
from workers.github import GitHub, Invalid, PermissionMissing

_REMEMBERED_FOR = 30.0  # seconds
_MOST = 1000  # repositories

_lock = threading.Lock()
_remembered: OrderedDict[tuple[str, str], tuple[float, Reading]] = OrderedDict()


def narrowed_of(
    context: Context,
    repository: str,
    *,
    repository_id: int | None = None,
    fresh: bool = False,
    urgency: Urgency = Urgency.FINAL,
) -> Narrowed:
    """Return what `owner/name` is granted here, narrowed by its file; one that is not bound has no file.

    The file may be as it was half a minute ago, unless `fresh`. Raises ApiError when the bindings cannot be
    read, and GitHubError when the file cannot: what it forbids is not known then.
    """
    grants = tenant_of(context, repository, repository_id=repository_id)
    if not grants.bound:
        return Narrowed(grants)
    reading = ABSENT if context.github is None else _reading(context.github, repository, fresh, urgency)
    owner = repository.partition("/")[0]
    return narrow(grants, reading, owner=owner, cluster=context.settings.cluster)


def _reading(github: GitHub, repository: str, fresh: bool, urgency: Urgency) -> Reading:
    key = (github.api_url, repository.lower())
    with _lock:
        known = _remembered.get(key)
    if known and not fresh and time.monotonic() - known[0] < _REMEMBERED_FOR:
        return known[1]
    asked, found = time.monotonic(), _read(github, repository, urgency)
    with _lock:
        _remembered[key] = (asked, found)
        _remembered.move_to_end(key)
        if len(_remembered) > _MOST:
            _remembered.popitem(last=False)
    return found


def _read(github: GitHub, repository: str, urgency: Urgency) -> Reading:
    try:
        branch = github.repositories.get(repository, urgency=urgency).default_branch
        text = github.git_data.read(repository, NAME, branch, urgency=urgency)
    except PermissionMissing as error:
        return _unusable(error.message, error.remedy)
    except Invalid:
        return _unusable(f"{NAME} is not a file", "make it one, or remove it")
    return ABSENT if text is None else read(text)


def _unusable(why: str, remedy: str) -> Reading:
    """Return what lets no order act: the file may be there and forbid it."""
    return Reading(None, (Problem(Span(), "", why, remedy),), Positions())
