# SPDX-License-Identifier: Apache-2.0
"""Reconcile one GitRepository: ask the remote, fetch the commit, pack it, and say so in its status."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from policies import clock, conditions, reference
from policies.conditions import Conditions
from policies.errors import FairwayError
from policies.github.urls import repository_of
from policies.kinds import GitRepository
from policies.objects import Object
from policies.revisions import short_message
from policies.served import unserved
from workers import heads
from workers.context import Context
from workers.git import Artifact, archive, artifact_path, collect_garbage, remove_artifacts
from workers.reconcile import sources
from workers.reconcile.plain import Plain, handled
from workers.reconcile.remotes import remote_of
from workers.reconcile.source_files import Artifacts, IncludeUnavailable, files_of, included
from workers.reconcile.status import Record
from workers.reconcile.verification import VerificationFailed, mode_of, verify

FETCH_FAILED = "FetchFailed"
STORED = "ArtifactInStorage"
VERIFIED = "SourceVerified"
INCLUDE_UNAVAILABLE = "IncludeUnavailable"


class GitRepositoryReconciler(Plain[GitRepository]):
    model = GitRepository

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._root = Path(context.settings.data_dir)

    def _run(self, record: Record, spec: GitRepository) -> None:
        if missing := unserved("GitRepository", record.obj["spec"]):
            raise FairwayError(missing, reason="NotServed", retryable=False)
        self._fetch_and_pack(record, spec)

    def _gone(self, record: Record) -> None:
        ref = record.ref
        remove_artifacts(self._root, artifact_path("gitrepository", ref.namespace, ref.name, "none"))

    def _fetch_and_pack(self, record: Record, spec: GitRepository) -> None:
        obj = record.obj
        remote, began = remote_of(self._context, spec), self._context.now().timestamp()
        wanted = reference.choose((obj["spec"].get("ref")) or {})
        artifacts = included(self._context, spec)
        resolved = remote.pull(wanted, timeout=spec.timeout_seconds, changed=True)
        verified = ""
        if wanted_keys := spec.spec.verify:
            verified = verify(self._context, spec.metadata.namespace, wanted_keys, remote.mirror, resolved)
        current = (obj.get("status") or {}).get("artifact") or {}
        path = artifact_path("gitrepository", spec.metadata.namespace, spec.metadata.name, resolved.sha)
        if self._is_current(obj, resolved.revision, path, artifacts):
            self._stored(record, spec, current, verified, news="", artifacts=artifacts)
            self._looked(spec, began)
            self._collect_garbage(path)
            return
        files = files_of(self._context, spec, remote, resolved, artifacts)
        packed = archive(files, ignore=spec.spec.ignore, root=self._root, path=path)
        artifact = self._artifact(packed, resolved.revision)
        news = short_message(remote.mirror.subject(resolved.sha))
        if current.get("digest") == packed.digest and current.get("revision") == resolved.revision:
            # The file had been lost; what it says is the same.
            artifact, news = {**artifact, "lastUpdateTime": current["lastUpdateTime"]}, ""
        self._stored(record, spec, artifact, verified, news=news, artifacts=artifacts)
        self._looked(spec, began)
        self._collect_garbage(path)

    def _collect_garbage(self, path: str) -> None:
        settings = self._context.settings
        collect_garbage(
            self._root,
            path,
            now=self._context.now().timestamp(),
            retain=settings.artifact_retention_ttl,
            records=settings.artifact_retention_records,
        )

    def _looked(self, spec: GitRepository, began: float) -> None:
        """Note that the remote was asked; only once the answer is in the status, where reports look."""
        if found := repository_of(spec.spec.url, self._context.settings.github_url):
            source = f"{spec.metadata.namespace}/{spec.metadata.name}"
            heads.looked(self._context.redis, "/".join(found), source, began)

    def _is_current(self, obj: Object, revision: str, path: str, artifacts: Artifacts) -> bool:
        status = obj.get("status") or {}
        artifact = status.get("artifact") or {}
        observed = _observed(obj, artifacts)
        return bool(
            artifact.get("revision") == revision
            and artifact.get("path") == path
            and all((status.get(key) or None) == (value or None) for key, value in observed.items())
            and (self._root / path).is_file()
        )

    def _artifact(self, packed: Artifact, revision: str) -> dict[str, Any]:
        return {
            "digest": packed.digest,
            "lastUpdateTime": clock.rfc3339(self._context.now()),
            "path": packed.path,
            "revision": revision,
            "size": packed.size,
            "url": f"{self._context.settings.artifact_base}/{packed.path}",
        }

    def _stored(
        self, record: Record, spec: GitRepository, artifact: dict[str, Any], verified: str, *, news: str,
        artifacts: Artifacts,
    ) -> None:  # fmt: skip
        obj, revision = record.obj, artifact["revision"]
        message = f"stored artifact for revision '{revision}'"
        recovered = conditions.is_true(conditions.of(obj), FETCH_FAILED)
        changed = conditions.succeeded(self._conditions(obj), message)
        changed.set(STORED, "True", "Succeeded", message).delete(FETCH_FAILED, INCLUDE_UNAVAILABLE)
        if verified:
            changed.set(VERIFIED, "True", "Succeeded", verified)
        else:
            changed.delete(VERIFIED)
        record.write(
            {
                "conditions": changed.sorted(),
                **handled(obj),
                "artifact": artifact,
                "observedGeneration": obj["metadata"]["generation"],
                **_observed(obj, artifacts),
                "sourceVerificationMode": mode_of(spec.spec.verify),
            }
        )
        notes = {f"{sources.GROUP}/revision": revision}
        if news:
            self._event(record, "Normal", "NewArtifact", f"stored artifact for commit '{news}'", notes)
        elif recovered:
            self._event(record, "Normal", "Succeeded", message, notes)

    def _failed_conditions(self, obj: Object, error: FairwayError) -> Conditions:
        text = str(error)
        changed = conditions.failed(self._conditions(obj), error, during=text)
        changed.delete(FETCH_FAILED, INCLUDE_UNAVAILABLE)
        if isinstance(error, VerificationFailed):
            return changed.set(VERIFIED, "False", error.reason, text)
        unavailable = isinstance(error, IncludeUnavailable)
        return changed.set(INCLUDE_UNAVAILABLE if unavailable else FETCH_FAILED, "True", error.reason, text)


def _observed(obj: Object, artifacts: Artifacts) -> dict[str, Any]:
    """Return what the artifact is made with, as the status records it: None for what is not set."""
    spec = obj["spec"]
    return {
        "observedIgnore": spec.get("ignore"),
        "observedInclude": spec.get("include") or None,
        "includedArtifacts": artifacts or None,
        "observedSparseCheckout": spec.get("sparseCheckout") or None,
        "observedRecurseSubmodules": spec.get("recurseSubmodules") or None,
    }
