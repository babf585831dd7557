# SPDX-License-Identifier: Apache-2.0
"""spec.verify of a GitRepository: a revision is taken only if people we trust have signed it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from policies import signed_objects
from policies.errors import FairwayError
from policies.kinds.gitrepository import Verification
from policies.objects import ObjectRef
from policies.reference import Resolved
from policies.signed_objects import Signed
from workers.cluster import ApiError
from workers.context import Context
from workers.engine.errors import SignatureInvalid
from workers.git import Mirror

_TIMEOUT = 15.0  # seconds, for one signature


class VerificationFailed(FairwayError):
    """The revision is not signed as it has to be; no artifact is made of it."""

    reason = "VerificationError"


@dataclass(frozen=True)
class _Keys:
    rings: list[str]
    authorized: list[str]


def verify(context: Context, namespace: str, wanted: Verification, mirror: Mirror, found: Resolved) -> str:
    """Return what was verified, in Flux's words; raises VerificationFailed."""
    keys = _keys(context, namespace, wanted.secret_ref.name)
    lines = []
    if wanted.of_tag:
        lines.append(_tag(context, keys, mirror, found))
    if wanted.of_head:
        signed = signed_objects.commit(mirror.raw(found.sha))
        key = _key(context, keys, signed, f"commit '{found.sha}'", "Git commit", "InvalidCommitSignature")
        lines.append(f"commit '{found.sha}' with key '{key}'")
    return "verified signature of" + "".join(f"\n\t- {line}" for line in lines)


def mode_of(wanted: Verification | None) -> str | None:
    """Return status.sourceVerificationMode; Flux writes the old `head` as HEAD."""
    if wanted is None:
        return None
    return "HEAD" if wanted.mode in (None, "head") else wanted.mode


def _tag(context: Context, keys: _Keys, mirror: Mirror, found: Resolved) -> str:
    if not found.refname.startswith("refs/tags/"):
        raise VerificationFailed(
            "cannot verify tag object's signature if a tag reference is not specified",
            reason="InvalidVerificationMode",
            retryable=False,
        )
    name, sha = found.refname.removeprefix("refs/tags/"), mirror.tag_object(found.refname)
    signed = signed_objects.tag(mirror.raw(sha)) if sha else Signed(b"", "")
    if not signed.signature:
        shown = f"{name}@{sha}" if sha else name
        raise VerificationFailed(
            f"cannot verify signature of tag '{shown}' since it is not signed", reason="InvalidGitObject"
        )
    key = _key(context, keys, signed, f"tag '{name}@{sha}'", "Git tag", "InvalidTagSignature")
    return f"tag '{name}@{sha}' with key '{key}'"


def _key(context: Context, keys: _Keys, signed: Signed, shown: str, kind: str, reason: str) -> str:
    try:
        return context.engine.verify(
            signed.payload,
            signed.signature,
            key_rings=keys.rings,
            authorized_keys=keys.authorized,
            timeout=_TIMEOUT,
        )
    except SignatureInvalid as error:
        problem = str(error)
        if problem.startswith("unable"):
            ssh = " SSH signature" if "SSH" in signed.signature[:30] else ""
            problem = f"unable to verify {kind}{ssh}: {problem}"
        raise VerificationFailed(
            f"signature verification of {shown} failed: {problem}", reason=reason
        ) from error


def _keys(context: Context, namespace: str, name: str) -> _Keys:
    try:
        secret = context.cluster.find(ObjectRef("", "v1", "Secret", namespace, name))
    except ApiError as error:
        raise VerificationFailed(f"public keys secret error: {error.message}") from error
    if secret is None:
        raise VerificationFailed(f'public keys secret error: secrets "{name}" not found')
    data = {
        key: base64.b64decode(value).decode(errors="replace")
        for key, value in (secret.get("data") or {}).items()
    }
    authorized = [value for key, value in data.items() if key.endswith(".sshpub")]
    # What has another suffix than .asc counts as a key ring too, as it did before there were suffixes.
    return _Keys([value for key, value in data.items() if not key.endswith(".sshpub")], authorized)
