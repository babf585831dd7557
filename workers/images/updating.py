# SPDX-License-Identifier: Apache-2.0
"""Carry an automation out: look at the files of a commit, change them, commit, push."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policies.errors import FairwayError
from policies.images import automation, notes
from policies.images.automation import DEFAULT_MESSAGE, GitOperationFailed
from policies.images.notes import Edits
from policies.images.setters import Change
from policies.kinds import ImageUpdateAutomation
from policies.objects import Object
from policies.reference import ReferenceNotFound, Resolved, Selection
from workers.context import Context
from workers.engine import EngineError
from workers.engine.client import MessageRequest
from workers.git import GitError
from workers.images import pushing, signing
from workers.images.editing import edits_of
from workers.images.pushing import BaseMoved, Work
from workers.reconcile.status import Record

_ATTEMPTS = 5  # at a branch that others push to at the same time
_RENDER_TIMEOUT = 2.0  # seconds, for a message


@dataclass(frozen=True)
class Task:
    """An automation in one run, all policies of its namespace, and the images of those that count."""

    record: Record
    spec: ImageUpdateAutomation
    policies: list[Object]
    observed: dict[str, dict[str, str]]

    @property
    def namespace(self) -> str:
        return self.spec.metadata.namespace

    @property
    def folder(self) -> str:
        """Where files are changed, from the root of the repository."""
        return automation.folder_of(self.spec.spec.update.path if self.spec.spec.update else None)


@dataclass(frozen=True)
class Result:
    """The commit that was looked at, what there was to do, and what was pushed (empty for nothing)."""

    base: Resolved
    edits: Edits
    sha: str = ""
    message: str = ""


def fetched(work: Work, wanted: Selection) -> Resolved:
    """Bring the commit to start from into the mirror; raises GitOperationFailed."""
    try:
        return work.remote.pull(wanted, timeout=work.timeout, changed=False)
    except (GitError, ReferenceNotFound) as error:
        said = error.message.removeprefix("failed to checkout and determine revision: ")
        raise GitOperationFailed(f"failed to checkout source: {said}", remedy=error.remedy) from error


def update(context: Context, task: Task, work: Work, wanted: Selection, found: Resolved) -> Result:
    """Look at the files, commit and push; a branch that somebody moved meanwhile is looked at anew.

    Raises SourceManagerFailed, UpdateFailed, FieldRemoved, GitOperationFailed and RateLimited.
    """
    sign = signing.signer_of(context, task.namespace, work.git.commit.signing_key)
    moved = ""
    for attempt in range(_ATTEMPTS):
        found = fetched(work, wanted) if attempt else found
        edits = _edits(task, work, found)
        if not edits.files:
            return Result(found, edits)
        said = message(context, task, work, edits.changes)
        task.record.check()
        try:
            sha = pushing.push(context, work, found, edits.files, said, sign)
            return Result(found, edits, sha, said)
        except BaseMoved as error:
            moved = error.message
        except FairwayError as error:
            raise pushing.failed(error) from error
    raise GitOperationFailed(f"{moved}, {_ATTEMPTS} times in a row")


def _edits(task: Task, work: Work, found: Resolved) -> Edits:
    return edits_of(
        work.remote.mirror,
        found.sha,
        folder=task.folder,
        namespace=task.namespace,
        images=automation.images(task.namespace, task.observed),
        known={policy["metadata"]["name"] for policy in task.policies},
    )


def message(
    context: Context, task: Task, work: Work, changes: Sequence[Change], default: str = DEFAULT_MESSAGE
) -> str:
    """Return what a commit says; raises GitOperationFailed, FieldRemoved and EngineError."""
    commit = work.git.commit
    if not commit.message_template:
        return default
    asked = MessageRequest(
        commit.message_template,
        task.namespace,
        task.spec.metadata.name,
        commit.message_template_values or {},
        notes.for_template(changes, task.folder),
    )
    try:
        return context.engine.message(asked, timeout=_RENDER_TIMEOUT)
    except EngineError as error:
        if not error.retryable:
            raise
        raise GitOperationFailed(
            f"failed to update source: {error.message}", remedy="correct spec.git.commit.messageTemplate"
        ) from error
