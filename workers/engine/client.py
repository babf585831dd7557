# SPDX-License-Identifier: Apache-2.0
"""What the rendering engine is asked, and what it answers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from policies.objects import Object
from workers.engine.child import Child


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A source tree (tar.gz and its digest), the live Kustomization, and its resolved variables.

    `normalize` gives the objects the form they are applied in, else they are as kustomize rendered them.
    """

    artifact: Path
    digest: str
    kustomization: Object
    variables: dict[str, str] = field(default_factory=dict)
    strict: bool = True
    normalize: bool = True


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The objects in kustomize's order, the file each came from ("" when unknown), and their digest."""

    objects: list[Object]
    origins: list[str]
    digest: str


class Engine(Child):
    """The engine as a child process: kustomize is not safe in parallel, so each worker has one of its own."""

    def __init__(self, binary: Path, *, scratch: Path | None = None) -> None:
        super().__init__(binary, what="the rendering engine", scratch=scratch)

    def build(self, request: BuildRequest, *, timeout: float) -> BuildResult:
        """Render a Kustomization; raises EngineError's subclasses. `timeout` counts from our turn."""
        answer = self.ask(
            "build",
            {
                "artifact": str(request.artifact),
                "digest": request.digest,
                "kustomization": request.kustomization,
                "variables": request.variables,
                "strict": request.strict,
                "normalize": request.normalize,
            },
            timeout=timeout,
        )
        return BuildResult(answer["objects"], answer["origins"], answer["digest"])

    def verify(
        self,
        payload: bytes,
        signature: str,
        *,
        key_rings: Sequence[str],
        authorized_keys: Sequence[str],
        timeout: float,
    ) -> str:
        """Return the id or fingerprint of the key that made a signature; raises SignatureInvalid."""
        answer = self.ask(
            "verify",
            {
                "payload": base64.b64encode(payload).decode(),
                "signature": signature,
                "keyRings": list(key_rings),
                "authorizedKeys": list(authorized_keys),
            },
            timeout=timeout,
        )
        return str(answer["key"])
