# SPDX-License-Identifier: Apache-2.0
"""What goes into a GitRepository's artifact besides its own commit: includes, and submodules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from policies.errors import FairwayError
from policies.kinds import GitRepository
from policies.reference import Resolved
from workers.context import Context
from workers.git import Remote, contents, with_submodules
from workers.git.contents import Entry
from workers.reconcile import sources
from workers.reconcile.remotes import submodule_of

Artifacts = list[dict[str, Any]]


class IncludeUnavailable(FairwayError):
    """An included GitRepository is not there, or has no artifact yet."""

    reason = "NotFound"


def included(context: Context, spec: GitRepository) -> Artifacts:
    """Return the artifact of each include, in their order; raises IncludeUnavailable."""
    found = []
    for include in spec.spec.include or []:
        name = include.repository.name
        source = sources.find(context.cluster, "GitRepository", spec.metadata.namespace, name)
        if source is None:
            raise IncludeUnavailable(
                f"could not get resource for include '{name}': GitRepository.source.toolkit.fluxcd.io"
                f' "{name}" not found'
            )
        artifact = (source.get("status") or {}).get("artifact")
        if not artifact:
            raise IncludeUnavailable(f"no artifact available for include '{name}'", reason="NoArtifact")
        found.append(artifact)
    return found


def files_of(
    context: Context, spec: GitRepository, remote: Remote, found: Resolved, artifacts: Artifacts
) -> list[Entry]:
    """Return all files of the artifact; an include's come over those of the commit. Raises FairwayError."""
    entries = contents.of_commit(remote.mirror, found.sha)
    if spec.spec.sparse_checkout:
        entries = contents.only(entries, spec.spec.sparse_checkout)
    if spec.spec.recurse_submodules:
        entries = with_submodules(
            remote,
            found.sha,
            entries,
            lambda url: submodule_of(context, remote, url),
            timeout=spec.timeout_seconds,
        )
    for include, artifact in zip(spec.spec.include or [], artifacts, strict=True):
        entries += _include(
            context, include.repository.name, artifact, include.from_path, include.destination
        )
    return entries


def _include(
    context: Context, name: str, artifact: dict[str, Any], from_path: str | None, to_path: str
) -> list[Entry]:
    file = Path(context.settings.data_dir) / str(artifact["path"])
    failed = f"failed to copy '{name}' include from {from_path or '.'} to {to_path}"
    try:
        entries = contents.of_artifact(file, from_path=from_path or "", to_path=to_path)
    except (OSError, EOFError) as error:
        raise FairwayError(f"{failed}: its artifact cannot be read", reason="CopyFailure") from error
    if not entries:
        raise FairwayError(
            f"{failed}: there are no such files", reason="CopyFailure", remedy="correct spec.include"
        )
    return entries
