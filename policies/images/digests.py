# SPDX-License-Identifier: Apache-2.0
"""When an ImagePolicy asks the registry for a digest, and what its status says of the image then."""

from __future__ import annotations

from dataclasses import dataclass

from policies.kinds.imagepolicy import ImagePolicyStatus, ImageRef, ReflectionPolicy


@dataclass(frozen=True, slots=True)
class Refs:
    """The image that is chosen now, and the one before it where there was another."""

    latest: ImageRef
    previous: ImageRef | None

    @property
    def status(self) -> dict[str, dict[str, str] | None]:
        """The fields of the status; None takes one away."""
        return {"latestRef": _written(self.latest), "observedPreviousRef": _written(self.previous)}


def must_ask(reflection: ReflectionPolicy, known: ImageRef | None, name: str, tag: str) -> bool:
    """Tell whether the digest of this tag has to be asked for; `known` is the image chosen so far."""
    if reflection == "IfNotPresent":
        return known is None or (known.name, known.tag) != (name, tag) or not known.digest
    return reflection == "Always"


def refs(
    reflection: ReflectionPolicy, status: ImagePolicyStatus, name: str, tag: str, digest: str = ""
) -> Refs:
    """Return what the status says after this choice; `digest` is the registry's answer, if it was asked.

    `name` is spec.image of the ImageRepository as it stands there. What is the same as before leaves the
    previous image as it is.
    """
    known = status.latest_ref
    if reflection == "Never":
        digest = ""
    elif known is not None and not digest and not must_ask(reflection, known, name, tag):
        digest = known.digest or ""
    latest = ImageRef(name=name, tag=tag, digest=digest or None)
    if known is not None and latest.identity == known.identity:
        return Refs(known, status.observed_previous_ref)
    return Refs(latest, known)


def _written(ref: ImageRef | None) -> dict[str, str] | None:
    if ref is None:
        return None
    return {"name": ref.name, "tag": ref.tag} | ({"digest": ref.digest} if ref.digest else {})
