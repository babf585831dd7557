# SPDX-License-Identifier: Apache-2.0
"""Follow the images of a merged pull request of ours to the containers that run them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from policies.commit_status import Applied, Source
from policies.errors import FairwayError
from policies.images import record
from policies.images.grouping import automation_of
from policies.images.record import Record
from policies.objects import Object, ObjectRef
from policies.pull_request import Runs, images
from policies.repofile import Narrowed
from policies.rollback import Reader
from workers.context import Context
from workers.github import GitHub, PullRequest
from workers.reconcile.target import target_of

log = logging.getLogger(__name__)
_MOST = 30  # objects that are looked at, and rows


def running(
    context: Context,
    github: GitHub,
    repository: str,
    pull: PullRequest,
    sources: Sequence[Source],
    narrowed: Narrowed,
) -> tuple[Runs, ...]:
    """Return where the images of a pull request run; nothing for one that is no image's.

    Only what Kustomizations applied that read the files it changed, as their own accounts see it. Raises
    GitHubError.
    """
    proposed = _record(github, pull)
    if proposed is None or not proposed.images:
        return ()
    files = github.pulls.changed_files(repository, pull.number)
    found: list[Runs] = []
    for applied in _reading(context, sources, files):
        named = [one.name for one in narrowed.tenant.environments(applied.ref.namespace)]
        for part in [one for one in applied.parts if images.has_containers(one)][:_MOST]:
            live = _live(context, applied, part.ref)
            if live is not None:
                found += images.runs(proposed.images.values(), part, live, named)
    return tuple(sorted(found, key=lambda one: (one.image, str(one.ref), one.container))[:_MOST])


def _record(github: GitHub, pull: PullRequest) -> Record | None:
    ours = pull.author.casefold() == github.identity().login.casefold() and not pull.from_fork
    return record.read(pull.body) if ours and automation_of(pull.head_ref) else None


def _reading(context: Context, sources: Sequence[Source], files: Sequence[str]) -> Iterator[Applied]:
    everything = [applied for source in sources for applied in source.applied]
    reads = context.ledger.reads([(one.ref.namespace, one.ref.name) for one in everything])
    for applied in everything:
        known = reads[applied.ref.namespace, applied.ref.name]
        reader = Reader(applied.obj["spec"].get("path") or "", known)
        if any(reader.reads_file(file, comes_or_goes=False) for file in files):
            yield applied


def _live(context: Context, applied: Applied, ref: ObjectRef) -> Object | None:
    """Return an object as the Kustomization's account sees it; None for what cannot be seen at the moment."""
    try:
        return target_of(context, applied.obj).client.find(ref)
    except FairwayError as error:
        log.info("not looked at object=%s: %s", ref, error)
        return None
