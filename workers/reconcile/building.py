# SPDX-License-Identifier: Apache-2.0
"""Render a Kustomization, or find that nothing it is made of has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from policies import build_inputs
from policies.kinds import Kustomization
from policies.ledger import Built, Known
from policies.objects import Object
from workers import decryption
from workers.context import Context
from workers.engine import BuildRequest, BuildResult
from workers.reconcile import sources, variables
from workers.reconcile.configs import Configs

_TIMEOUT = 45.0  # seconds; the engine works on one build at a time, and others wait for it


class Builder:
    """Builds for one run; what it is made with is read once."""

    def __init__(self, context: Context, obj: Object, artifact: Mapping[str, Any], configs: Configs) -> None:
        self._context = context
        self._obj = obj
        self._artifact = artifact
        self._configs = configs
        self.why = ""  # the last answer of `unchanged`, in words
        versions = configs.versions(obj)
        self.inputs = build_inputs.inputs(obj, versions, context.settings, engine=context.engine.identity)

    def unchanged(self, known: Known, inventory: Sequence[str]) -> Built | None:
        """Return the last build if another one would bring the same, and all of it stands as applied."""
        now = self._context.now().timestamp()
        verdict = build_inputs.compare(known, self.inputs, inventory, now)
        if isinstance(verdict, str):
            self.why = verdict
            return None
        return self._read_the_same(verdict)

    def _read_the_same(self, built: Built) -> Built | None:
        digest = self._artifact["digest"]
        if built.artifact == digest:
            self.why = "the artifact is the one it was built from"
            return built
        if built.reads is None:
            self.why = "what it reads of its source is not known"
            return None
        path = sources.open_artifact(self._context.settings, self._artifact)
        changed = self._context.engine.unchanged(path, digest, {"": built.reads}, timeout=_TIMEOUT)
        if changed:
            self.why = f"{changed['']} changed"
            return None
        self.why = "nothing it reads of its source has changed"
        return replace(built, artifact=digest)

    def build(self) -> BuildResult:
        """Render; raises EngineError's subclasses and what reading its variables and keys raises."""
        obj, settings = self._obj, self._context.settings
        keys = decryption.keys_of(self._context.cluster, obj, settings)
        request = BuildRequest(
            artifact=sources.open_artifact(settings, self._artifact),
            digest=self._artifact["digest"],
            kustomization=obj,
            variables=variables.resolve(self._configs, obj),
            strict=settings.gate("StrictPostBuildSubstitutions"),
        )
        engine = self._context.engine
        timeout = min(_TIMEOUT, Kustomization.read(obj).timeout_seconds)
        if keys is None:
            return engine.build(request, timeout=timeout)
        return decryption.build(engine, self._context.sops, request, keys, timeout=timeout)

    def note(self, built: BuildResult, ids: Sequence[str]) -> Built | None:
        """Return what to remember of a build that was applied whole."""
        if not self.inputs:
            return None
        return Built(self._artifact["digest"], self.inputs, built.digest, tuple(ids), built.reads)
