# SPDX-License-Identifier: Apache-2.0
"""Write an automation's commit: by our App where it may write, so that GitHub signs; else by git itself.

Where git pushes, it does with the credentials of the GitRepository. Our App writes only what a binding lets
it: where it may only propose, to a branch beside that it made itself, and only where there is no Secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from policies.commit_objects import NewCommit
from policies.errors import FairwayError
from policies.github.urls import repository_of
from policies.images.automation import Destination, GitOperationFailed, SourceManagerFailed
from policies.kinds import GitRepository
from policies.kinds.imageupdateautomation import GitSpec
from policies.reference import Kind, ReferenceNotFound, Resolved, Selection
from policies.tenancy import Write
from workers.bindings import write_of
from workers.context import Context
from workers.git import Moved, Remote, app_token, committing
from workers.git.transport import Call
from workers.github import BranchMoved, Change, GitHubError, RateLimited
from workers.github.calls import CONTENTS

_HEADS = "refs/heads/"
Signer = Callable[[bytes], str]


class BaseMoved(FairwayError):
    """Somebody else has pushed meanwhile: the files are to be looked at again."""

    reason = "GitOperationFailed"


@dataclass(frozen=True)
class Work:
    """What an automation works with in one run.

    `app` names the repository where our App writes. Where it `may_only_propose`, it takes no branch from
    others: only one that ends with the automation's `own` last commit.
    """

    git: GitSpec
    source: GitRepository
    remote: Remote
    to: Destination
    app: str = ""
    may_only_propose: bool = False
    own: str = ""

    @property
    def timeout(self) -> float:
        return self.source.timeout_seconds


def prepared(context: Context, namespace: str, work: Work) -> Work:
    """Decide who writes for an automation of a namespace; raises SourceManagerFailed, and GitHubError."""
    source, to, github = work.source, work.to, context.github
    found = repository_of(source.spec.url, context.settings.github_url)
    if found is None or github is None:
        return work
    # Git's own ways may lead to any ref, so they are not for who may only propose.
    by_git = bool(to.refspec or to.options or work.git.commit.signing_key)
    needed = Write.PR if to.switches and not by_git else Write.MERGE
    granted = write_of(context, "/".join(found), (namespace, source.metadata.namespace))
    if source.spec.secret_ref is not None:
        return work if by_git or granted < Write.MERGE else replace(work, app="/".join(found))
    if granted < needed:
        raise _nobody("/".join(found), to.branch, needed)
    if not by_git:
        return replace(work, app="/".join(found), may_only_propose=granted < Write.MERGE)
    token, before = github.token_for(*found, permissions=CONTENTS), work.remote.auth
    auth = replace(app_token(token.value, principal=before.principal), proxy=before.proxy)
    return replace(work, remote=work.remote.as_other(auth))


def _nobody(repository: str, branch: str, needed: Write) -> SourceManagerFailed:
    return SourceManagerFailed(
        f"failed configuring source manager: nobody may push to {branch} of {repository} like this:"
        " the GitRepository names no Secret, and no RepositoryBinding lets Fairway's App do so",
        remedy=f"set spec.write: {needed.name.lower()} in a RepositoryBinding, or a secretRef in the source",
    )


def branch_now(work: Work) -> str:
    """Bring the push branch into the mirror and return its commit; empty when there is no such branch."""
    refname = _HEADS + work.to.branch
    wanted = Selection(Kind.BRANCH, work.to.branch, refname)
    try:
        return work.remote.pull(wanted, timeout=work.timeout, changed=False).sha
    except ReferenceNotFound:
        return ""


def push(
    context: Context,
    work: Work,
    base: Resolved,
    files: Mapping[str, bytes],
    message: str,
    sign: Signer | None,
) -> str:
    """Commit files on a base and push that; return the commit, also when it is there already.

    Raises BaseMoved, GitOperationFailed, and what a signer raises.
    """
    before = branch_now(work) if work.to.switches else base.sha
    try:
        with work.remote.held(timeout=work.timeout) as call:
            tree = committing.tree_of(work.remote.mirror, base.sha, files)
            made = bool(before) and committing.is_commit_of(work.remote.mirror, before, tree, base.sha)
            if made:
                return before
            if not work.app:
                return _by_git(call, work, before, _commit(context, work, base.sha, tree, message, sign))
        if work.may_only_propose:
            _refuse_others(work, before)
        return _by_app(context, work, base, files, message)
    except (Moved, BranchMoved) as error:
        raise BaseMoved(f"failed to update source: {error.message}") from None


def _by_git(call: Call, work: Work, before: str, commit: bytes) -> str:
    """Push to the branch, made anew where it is another than the one started from, and to the refspec."""
    to, sha = work.to, committing.store(work.remote.mirror, commit)
    options = [f"{key}={value}" if value else key for key, value in to.options.items()]
    over = before if to.switches else None
    committing.push(call, work.remote.url, sha, _HEADS + to.branch, over=over, options=options)
    # Whoever fetches next, the source before all, has it already.
    work.remote.mirror.keep(_HEADS + to.branch, sha)
    if to.refspec:
        committing.push(call, work.remote.url, sha, to.refspec, options=options)
    return sha


def _refuse_others(work: Work, before: str) -> None:
    """Raise GitOperationFailed for a branch that this automation did not make: it would be made anew."""
    if before and before != work.own:
        raise GitOperationFailed(
            f"failed to update source: the branch {work.to.branch} ends with {before[:7]}, which this"
            " automation did not push, and Fairway's App may only propose",
            remedy="push to another spec.git.push.branch, or delete this one",
        )


def _by_app(context: Context, work: Work, base: Resolved, files: Mapping[str, bytes], message: str) -> str:
    if context.github is None:  # which was decided with it
        raise GitOperationFailed("failed to update source: there is no GitHub App any more")
    modes = committing.modes_of(work.remote.mirror, base.sha, files)
    changes = [Change(path, content, mode=modes[path]) for path, content in files.items()]
    return context.github.git_data.commit(
        work.app,
        work.to.branch,
        parent=base.sha,
        changes=changes,
        message=message,
        forward=not work.to.switches,
    )


def _commit(context: Context, work: Work, parent: str, tree: str, message: str, sign: Signer | None) -> bytes:
    author, at = work.git.commit.author, int(context.now().timestamp())
    new = NewCommit(tree, parent, author.name or "", author.email, at, message)
    return new.raw(sign(new.raw()) if sign else "")


def failed(error: FairwayError) -> FairwayError:
    """Return an error of a push as the automation's conditions have it."""
    if isinstance(error, RateLimited | GitOperationFailed | SourceManagerFailed | BaseMoved):
        return error
    remedy = error.remedy
    if isinstance(error, GitHubError) and not remedy:
        remedy = "if the branch is protected, let Fairway's App pass, or push to another spec.git.push.branch"
    # A host's refusal may end without a change of ours: a protection lifted, a permission given.
    return GitOperationFailed(f"failed to update source: {error.message}", remedy=remedy)
