# SPDX-License-Identifier: Apache-2.0
"""What a Git host, or a mirror of it on disk, can refuse.

GitError
├── AccessDenied          the host did not accept the credentials, or asks for some
├── RepositoryNotFound    no such repository, or not for these credentials
├── EmptyRepository       nothing was pushed yet
├── HostUnreachable       no connection: DNS, refused, reset, 5xx
├── ForbiddenAddress      the name leads to loopback, or to a cloud's metadata
├── UntrustedHost         TLS could not be verified
├── GitTimeout            the host was too slow, or the mirror was busy for too long
├── GitInterrupted        git was killed, most likely for want of memory
├── TooLarge              more bytes than this installation accepts
├── CommitNotServed       no such commit, or the host gives out branches and tags only
├── PushRefused           the host does not take what is pushed
├── Moved                 a branch is no longer where it was when the commit was made
├── DiskFull, MirrorBroken
└── UnsupportedRepository what Fairway cannot read

Reasons and the beginning of each message are source-controller's, so that they go into FetchFailed as they
are. A ref that is not there is `policies.reference.ReferenceNotFound`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from policies.errors import FairwayError

OUT_OF_MEMORY = "give the worker more memory if this goes on"
_FAILED = "failed to checkout and determine revision: unable to clone"


class GitError(FairwayError):
    """Git could not do what was asked, for a reason nobody gave a class of its own."""

    reason = "GitOperationFailed"


class AccessDenied(GitError):
    pass


class InvalidCredentials(GitError):
    """The Secret does not hold what it should; nothing was sent."""

    reason = "AuthenticationFailed"


class InvalidURL(GitError):
    reason = "URLInvalid"
    retryable = False


class RepositoryNotFound(GitError):
    pass


class EmptyRepository(GitError):
    reason = "EmptyGitRepository"


class HostUnreachable(GitError):
    pass


class ForbiddenAddress(GitError):
    """The host's name leads to where outside calls must not go."""

    retryable = False


class UntrustedHost(GitError):
    pass


class GitTimeout(GitError):
    pass


class GitInterrupted(GitError):
    pass


class TooLarge(GitError):
    pass


class DiskFull(GitError):
    reason = "StorageOperationFailed"


class MirrorBroken(GitError):
    """The mirror on disk is damaged; a new one is made the next time."""

    reason = "StorageOperationFailed"


class CommitNotServed(GitError):
    """The host gives out branches and tags only, or has no such commit."""


class PushRefused(GitError):
    """Nothing was changed; whoever guards the repository may change that."""


class Moved(GitError):
    """Nothing was changed; from where the branch is now it may go through."""


class UnsupportedRepository(GitError):
    """A later commit may mend it, so this too is asked again."""


class _Meaning(NamedTuple):
    said: re.Pattern[str]
    kind: type[GitError]
    problem: str
    remedy: str = ""


# In this order: what git prints after a refusal often also holds the words of a more general failure.
_MEANINGS = (
    _Meaning(
        re.compile(r"Host key verification failed|host key .*(changed|is known)|No matching host key"),
        UntrustedHost,
        "the host's key is not in known_hosts",
        "put the host's key into known_hosts of spec.secretRef: ssh-keyscan shows it",
    ),
    _Meaning(
        re.compile(r"Permission denied \(|Too many authentication failures"),
        AccessDenied,
        "unable to authenticate, the host did not accept the key",
        "give the public key in spec.secretRef's identity read access to the repository",
    ),
    _Meaning(
        re.compile(r"cannot run ssh|ssh: (command )?not found"),
        GitError,
        "ssh was not found",
        "install the OpenSSH client",
    ),
    _Meaning(
        re.compile(r"could not read (Username|Password)|Authentication failed|error: 401\b"),
        AccessDenied,
        "authentication required",
        "check the credentials in spec.secretRef, or that the App is installed on the repository",
    ),
    _Meaning(
        re.compile(r"error: 403\b"),
        AccessDenied,
        "authorization failed",
        "give these credentials read access to the repository",
    ),
    _Meaning(
        re.compile(
            r"repository '[^']*' not found|Repository not found|error: 4(04|10)\b"
            r"|not valid: is this a git repository"
        ),
        RepositoryNotFound,
        "repository not found",
        "check spec.url; a host also answers so when the credentials may not see the repository",
    ),
    _Meaning(
        re.compile(r"not our ref|unadvertised object|no such remote ref [0-9a-f]{40}"),
        CommitNotServed,
        "the host does not serve this commit",
    ),
    _Meaning(re.compile(r"error: 429\b"), HostUnreachable, "the host is asked too often"),
    _Meaning(
        re.compile(r"Could not resolve host(name)?"),
        HostUnreachable,
        "the host's name could not be resolved",
        "check spec.url and DNS",
    ),
    _Meaning(
        re.compile(r"SSL|TLS|certificate"),
        UntrustedHost,
        "the host's certificate is not trusted",
        "put the CA that signed it into ca.crt of spec.secretRef",
    ),
    _Meaning(re.compile(r"File too large"), TooLarge, "the repository is larger than allowed"),
    _Meaning(re.compile(r"died of signal"), GitInterrupted, "git was killed", OUT_OF_MEMORY),
    _Meaning(re.compile(r"No space left on device|Disk quota exceeded"), DiskFull, "the disk is full"),
    _Meaning(
        re.compile(r"mismatched algorithms"),
        UnsupportedRepository,
        "the repository uses SHA-256 object names, which Fairway cannot read yet",
    ),
    _Meaning(
        re.compile(r"Operation too slow|timed? ?out"),
        GitTimeout,
        "the host is too slow",
        "raise spec.timeout if the repository is large",
    ),
    _Meaning(
        re.compile(
            r"Failed to connect|Could(n't| not) connect|Connection (refused|reset)|No route to host"
            r"|Empty reply|unexpected disconnect|hung up unexpectedly|early EOF|Recv failure|transfer closed"
            r"|unable to access|RPC failed|error: 5\d\d\b"
        ),
        HostUnreachable,
        "the host could not be reached",
    ),
    _Meaning(
        re.compile(
            r"corrupt|bad object|not a git repository|unable to read|loose object|broken|inflate: "
            r"|object file|does not appear to be a git|missing (blob|tree|commit)|did not send all"
            r"|invalid (sha1 pointer|index-pack)|unresolved delta|shallow file has changed|cannot lock ref"
        ),
        MirrorBroken,
        "the copy of the repository on disk is damaged",
    ),
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@|(?i:authorization: *\S+ +)\S+|gh[a-z]_\w+|github_pat_\w+")
_LONGEST = 300


def from_stderr(stderr: str, *, url: str, secrets: tuple[str, ...] = ()) -> GitError:
    """Turn what git printed on its way out into the error it means; nothing secret is kept."""
    said = scrub(stderr, secrets)
    detail = _detail(said)
    for meaning in _MEANINGS:
        if meaning.said.search(said):
            problem = f"{meaning.problem} ({detail})" if detail else meaning.problem
            return failed(meaning.kind, problem, url=url, remedy=meaning.remedy)
    return failed(GitError, detail or "git ended without saying why", url=url)


def failed(kind: type[GitError], problem: str, *, url: str, remedy: str = "") -> GitError:
    """Make an error that reads like source-controller's."""
    return kind(f"{_FAILED} '{url}': {problem}", remedy=remedy)


def of_push(error: GitError, *, url: str) -> GitError:
    """Return an error of a call that was to push, in words that say so."""
    problem = error.message.replace(f"{_FAILED} '{url}'", f"unable to push to '{url}'", 1)
    return type(error)(problem, remedy=error.remedy.replace("read access", "write access"))


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Remove credentials: the ones that were used, and what looks like one."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return _CREDENTIALS.sub("***", text)


def _detail(said: str) -> str:
    """Return git's own last words as one line, without its advice."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal: ", "error: ", "remote: "))]
    return next(iter(telling or lines), "")[:_LONGEST]
