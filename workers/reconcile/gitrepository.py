# SPDX-License-Identifier: Apache-2.0
"""Reconcile one GitRepository: ask the remote, fetch the commit, pack it, and say so in its status."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies import clock, conditions, reference
from policies.conditions import READY, RECONCILING, STALLED, Conditions
from policies.errors import FairwayError
from policies.github.urls import repository_of
from policies.kinds import GitRepository, InvalidObject
from policies.kustomization import REQUESTED_AT
from policies.objects import Object, annotations_of
from policies.ownership import FINALIZER
from policies.revisions import short_message
from policies.served import unserved
from workers import heads
from workers.context import Context
from workers.git import Artifact, archive, artifact_path, collect_garbage, remove_artifacts
from workers.reconcile import events, sources
from workers.reconcile.remotes import remote_of
from workers.reconcile.source_files import Artifacts, IncludeUnavailable, files_of, included
from workers.reconcile.status import Record, Superseded
from workers.reconcile.verification import VerificationFailed, mode_of, verify

log = logging.getLogger(__name__)
FETCH_FAILED = "FetchFailed"
STORED = "ArtifactInStorage"
VERIFIED = "SourceVerified"
INCLUDE_UNAVAILABLE = "IncludeUnavailable"
_GROUP = "source.toolkit.fluxcd.io"


@dataclass
class _Run:
    record: Record
    spec: GitRepository


class GitRepositoryReconciler:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._root = Path(context.settings.data_dir)

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one GitRepository forward by one run."""
        cluster = self._context.cluster
        obj = cluster.find(sources.ref("GitRepository", namespace, name))
        if obj is None or self._context.shards.of(obj) is None:
            return
        record = Record(cluster, obj, guard=self._context.guard(obj))
        record.check()
        finalizers = obj["metadata"].get("finalizers", [])
        if obj["metadata"].get("deletionTimestamp"):  # also when it cannot be read
            self._finalize(record, finalizers)
            return
        try:
            run = _Run(record, GitRepository.read(obj))
        except InvalidObject as error:
            record.refuse(error, clock.rfc3339(self._context.now()))
            return
        if FINALIZER not in finalizers:
            run.record.set_finalizers([*finalizers, FINALIZER])
        if run.spec.spec.suspend:
            return
        try:
            if missing := unserved("GitRepository", obj["spec"]):
                raise FairwayError(missing, reason="NotServed", retryable=False)
            self._fetch_and_pack(run)
        except Superseded:
            raise
        except FairwayError as error:
            self._failed(run, error)

    def _fetch_and_pack(self, run: _Run) -> None:
        obj, spec = run.record.obj, run.spec
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
            self._succeeded(run, current, verified, news="", artifacts=artifacts)
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
        self._succeeded(run, artifact, verified, news=news, artifacts=artifacts)
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

    def _succeeded(
        self, run: _Run, artifact: dict[str, Any], verified: str, *, news: str, artifacts: Artifacts
    ) -> None:
        obj = run.record.obj
        message = f"stored artifact for revision '{artifact['revision']}'"
        recovered = conditions.is_true(conditions.of(obj), FETCH_FAILED)
        changed = self._conditions(obj).set(READY, "True", "Succeeded", message)
        changed.set(STORED, "True", "Succeeded", message).delete(
            FETCH_FAILED, INCLUDE_UNAVAILABLE, RECONCILING, STALLED
        )
        if verified:
            changed.set(VERIFIED, "True", "Succeeded", verified)
        else:
            changed.delete(VERIFIED)
        status = self._handled(obj, changed)
        status |= {
            "artifact": artifact,
            "observedGeneration": obj["metadata"]["generation"],
            **_observed(obj, artifacts),
            "sourceVerificationMode": mode_of(run.spec.spec.verify),
        }
        run.record.write(status)
        if news:
            self._event(
                run, "Normal", "NewArtifact", f"stored artifact for commit '{news}'", artifact["revision"]
            )
        elif recovered:
            self._event(run, "Normal", "Succeeded", message, artifact["revision"])

    def _failed(self, run: _Run, error: FairwayError) -> None:
        obj = run.record.obj
        text = str(error)
        changed = self._conditions(obj).set(READY, "False", error.reason, text)
        changed.delete(FETCH_FAILED, INCLUDE_UNAVAILABLE)
        if isinstance(error, VerificationFailed):
            changed.set(VERIFIED, "False", error.reason, text)
        else:
            unavailable = isinstance(error, IncludeUnavailable)
            changed.set(INCLUDE_UNAVAILABLE if unavailable else FETCH_FAILED, "True", error.reason, text)
        if error.retryable:
            changed.set(RECONCILING, "True", "ProgressingWithRetry", text).delete(STALLED)
        else:
            changed.set(STALLED, "True", error.reason, text).delete(RECONCILING)
        status = self._handled(obj, changed)
        if not error.retryable:
            status["observedGeneration"] = obj["metadata"]["generation"]
        run.record.write(status)
        self._event(run, "Warning", error.reason, text, "")

    def _finalize(self, record: Record, finalizers: list[str]) -> None:
        if FINALIZER not in finalizers:
            return
        ref = record.ref
        remove_artifacts(self._root, artifact_path("gitrepository", ref.namespace, ref.name, "none"))
        record.set_finalizers([f for f in finalizers if f != FINALIZER])

    def _conditions(self, obj: Object) -> Conditions:
        now = clock.rfc3339(self._context.now())
        return Conditions(conditions.of(obj), generation=obj["metadata"]["generation"], now=now)

    def _handled(self, obj: Object, changed: Conditions) -> dict[str, Any]:
        status: dict[str, Any] = {"conditions": changed.sorted()}
        if requested := annotations_of(obj).get(REQUESTED_AT):
            status["lastHandledReconcileAt"] = requested
        return status

    def _event(self, run: _Run, severity: str, reason: str, message: str, revision: str) -> None:
        notes = {f"{_GROUP}/revision": revision} if revision else {}
        events.record(
            self._context.cluster,
            run.record.obj,
            severity=severity,
            reason=reason,
            message=message,
            now=self._context.now(),
            annotations=notes,
        )


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
