# SPDX-License-Identifier: Apache-2.0
"""Which commit a GitRepository's spec.ref means.

`choose` says what to ask the remote for, `resolve` picks the commit from what it lists. Where several
fields are set, the first of commit, name, tag, semver, branch counts. (Flux documents semver before tag;
its code, which is what clusters run on, looks at tag first.) Errors carry source-controller's words and
reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from policies import semver
from policies.errors import FairwayError, TerminalError
from policies.revisions import Revision, is_commit

DEFAULT_BRANCH = "master"
_PEELED = "^{}"
_HEADS, _TAGS = "refs/heads/", "refs/tags/"


class ReferenceNotFound(FairwayError):
    """The remote has no such branch, tag or ref, or no tag in the range."""

    reason = "GitOperationFailed"


class InvalidReference(TerminalError):
    """spec.ref can never name a commit."""

    reason = "GitOperationFailed"


class Kind(Enum):
    COMMIT = "commit"
    NAME = "name"
    TAG = "tag"
    SEMVER = "semver"
    BRANCH = "branch"


@dataclass(frozen=True, slots=True)
class Selection:
    """What spec.ref asks for; `refname` is the full ref, empty for a bare commit and for a range of tags.

    `by_name` says that spec.ref.name is set, which makes revisions show full ref names.
    """

    kind: Kind
    value: str
    refname: str = ""
    by_name: bool = False

    def revision(self, sha: str, refname: str) -> str:
        """Name a commit as source-controller does."""
        if self.by_name:
            return str(Revision(sha, refname))
        return str(Revision(sha, refname.removeprefix(_HEADS).removeprefix(_TAGS)))


@dataclass(frozen=True, slots=True)
class Resolved:
    """A commit to deploy: its id, the ref it was found under, and the revision that statuses show."""

    sha: str
    refname: str
    revision: str


@dataclass(frozen=True, slots=True)
class RemoteRef:
    """One ref of the remote; `sha` is the commit, `peeled_from` the tag object that pointed to it, if any."""

    name: str
    sha: str
    peeled_from: str = ""


def choose(ref: Mapping[str, Any] | None) -> Selection:
    """Return what a spec.ref asks for; raises InvalidReference when it cannot be asked for."""
    ref = {key: value for key, value in (ref or {}).items() if value}
    if commit := str(ref.get("commit", "")).lower():
        if not is_commit(commit):
            raise _invalid(
                f"commit {commit!r} is not a full commit id of 40 (or 64) lower-case hexadecimal digits"
            )
        name, branch = ref.get("name", ""), _under(_HEADS, ref.get("branch", ""))
        return Selection(Kind.COMMIT, commit, name or branch, by_name=bool(name))
    if name := ref.get("name"):
        return Selection(Kind.NAME, name, _checked(name.removesuffix(_PEELED)), by_name=True)
    if tag := ref.get("tag"):
        return Selection(Kind.TAG, tag, _under(_TAGS, tag))
    if constraint := ref.get("semver"):
        try:
            semver.parse_range(constraint)
        except ValueError as error:
            raise _invalid(f"semver parse error: {error}") from error
        return Selection(Kind.SEMVER, constraint)
    branch = ref.get("branch", DEFAULT_BRANCH)
    return Selection(Kind.BRANCH, branch, _under(_HEADS, branch))


def parse_listing(listing: str) -> dict[str, RemoteRef]:
    """Read the output of `git ls-remote`, annotated tags peeled to their commits, in the remote's order."""
    refs: dict[str, RemoteRef] = {}
    for line in listing.splitlines():
        sha, tab, name = line.partition("\t")
        if not tab or not is_commit(sha):
            continue
        if name.endswith(_PEELED) and name.removesuffix(_PEELED) in refs:
            tag = refs[name.removesuffix(_PEELED)]
            refs[tag.name] = RemoteRef(tag.name, sha, peeled_from=tag.sha)
        else:
            refs[name] = RemoteRef(name, sha)
    return refs


def resolve(selection: Selection, refs: Mapping[str, RemoteRef], *, url: str) -> Resolved:
    """Pick the commit; of tags that are equal versions, the first one listed (see `candidates`).

    Raises ReferenceNotFound.
    """
    if selection.kind is Kind.COMMIT:
        return resolved(selection, RemoteRef(selection.refname, selection.value))
    if selection.kind is Kind.SEMVER:
        return resolved(selection, candidates(selection, refs.values())[0])
    if selection.refname not in refs:
        raise not_found(selection, url=url)
    return resolved(selection, refs[selection.refname])


def resolved(selection: Selection, ref: RemoteRef) -> Resolved:
    """Name the commit of one ref as the selection wants it named."""
    named = selection.value if selection.kind is Kind.NAME else ref.name
    return Resolved(ref.sha, ref.name, selection.revision(ref.sha, named))


def candidates(selection: Selection, refs: Iterable[RemoteRef]) -> list[RemoteRef]:
    """Return the tags with the highest version in the range; several only when they differ in build metadata.

    Flux takes the one with the youngest commit then, which the listing does not tell.
    """
    tags = {ref.name.removeprefix(_TAGS): ref for ref in refs if ref.name.startswith(_TAGS)}
    # Flux wants all three numbers in a tag: `v1` is more often a moving pointer than a version.
    best = semver.max_satisfying(selection.value, (tag for tag in tags if tag.count(".") >= 2))
    if not best:
        raise ReferenceNotFound(_failed(f"no match found for semver: {selection.value}"))
    return [tags[tag] for tag in best]


def not_found(selection: Selection, *, url: str) -> ReferenceNotFound:
    """Say that the remote lacks the ref, as source-controller says it."""
    if selection.kind is Kind.NAME:
        return ReferenceNotFound(_failed(f"unable to resolve ref '{selection.value}' to a specific commit"))
    return ReferenceNotFound(
        _failed(f"unable to clone '{url}': couldn't find remote ref \"{selection.refname}\"")
    )


def commit_not_found(selection: Selection) -> ReferenceNotFound:
    """Say that the remote lacks the commit, as source-controller says it."""
    problem = f"unable to resolve commit object for '{selection.value}': object not found"
    return ReferenceNotFound(_failed(problem))


def _under(prefix: str, name: str) -> str:
    return _checked(prefix + name) if name else ""


def _checked(refname: str) -> str:
    """Refuse what git would not take as a ref name, above all what it would read as something else."""
    parts = refname.split("/")
    bad = (
        any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        or refname.startswith("-")
        or refname.endswith(".")
        or ".." in refname
        or "@{" in refname
        or any(ord(char) <= 32 or ord(char) == 127 or char in "~^:?*[\\" for char in refname)
    )
    if bad:
        raise _invalid(f"{refname!r} is not a valid ref name")
    return refname


def _invalid(problem: str) -> InvalidReference:
    return InvalidReference(_failed(problem), remedy="correct spec.ref")


def _failed(problem: str) -> str:
    return f"failed to checkout and determine revision: {problem}"
