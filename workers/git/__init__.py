# SPDX-License-Identifier: Apache-2.0
"""Git: ask a remote, fetch into a bare mirror, write artifacts.

remote = Remote(url, auth, data_dir=settings.data_dir)
resolved = remote.pull(reference.choose(spec_ref), timeout=60)
files = contents.of_commit(remote.mirror, resolved.sha)
artifact = archive(files, ignore=spec_ignore, root=data_dir, path=artifact_path(...))
"""

from workers.git import contents
from workers.git.artifact import Artifact, archive, artifact_path, collect_garbage, remove_artifacts
from workers.git.auth import ANONYMOUS, Auth, app_token, bare_url, from_secret, proxy_from_secret
from workers.git.errors import (
    AccessDenied,
    DiskFull,
    EmptyRepository,
    ForbiddenAddress,
    GitError,
    GitInterrupted,
    GitTimeout,
    HostUnreachable,
    InvalidCredentials,
    InvalidURL,
    MirrorBroken,
    Moved,
    PushRefused,
    RepositoryNotFound,
    TooLarge,
    UnsupportedRepository,
    UntrustedHost,
)
from workers.git.mirror import Mirror, remove_unused
from workers.git.remote import Remote
from workers.git.submodules import with_submodules

__all__ = [
    "ANONYMOUS",
    "AccessDenied",
    "Artifact",
    "Auth",
    "DiskFull",
    "EmptyRepository",
    "ForbiddenAddress",
    "GitError",
    "GitInterrupted",
    "GitTimeout",
    "HostUnreachable",
    "InvalidCredentials",
    "InvalidURL",
    "Mirror",
    "MirrorBroken",
    "Moved",
    "PushRefused",
    "Remote",
    "RepositoryNotFound",
    "TooLarge",
    "UnsupportedRepository",
    "UntrustedHost",
    "app_token",
    "archive",
    "artifact_path",
    "bare_url",
    "collect_garbage",
    "contents",
    "from_secret",
    "proxy_from_secret",
    "remove_artifacts",
    "remove_unused",
    "with_submodules",
]
