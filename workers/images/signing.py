# SPDX-License-Identifier: Apache-2.0
"""The key that an automation's commits are signed with; it is read for each commit, and kept by nobody."""

from __future__ import annotations

from collections.abc import Callable

from policies.images.automation import GitOperationFailed, SourceManagerFailed
from policies.kinds.imageupdateautomation import SigningKey
from policies.objects import ObjectRef
from workers.context import Context
from workers.engine import EngineError
from workers.engine.errors import KeyUnusable

_ENTRIES = {"gpg": ("git.asc", "passphrase"), "ssh": ("identity", "password")}
_TIMEOUT = 15.0  # seconds, for one signature


def signer_of(context: Context, namespace: str, wanted: SigningKey | None) -> Callable[[bytes], str] | None:
    """Return what signs a commit's bytes, None when they are not to be signed.

    Raises SourceManagerFailed when the Secret does not hold a key; what it returns raises that too for one
    that cannot be used, and GitOperationFailed.
    """
    if wanted is None:
        return None
    name, kind = wanted.secret_ref.name, wanted.type or "gpg"
    key, lock = _ENTRIES[kind]
    secret = context.cluster.find(ObjectRef("", "v1", "Secret", namespace, name))
    if secret is None:
        raise _unusable(f"could not find signing key secret '{name}': secrets \"{name}\" not found")
    data = secret.get("data") or {}
    if key not in data:
        article = "an" if key == "identity" else "a"
        raise _unusable(f"signing key secret '{name}' does not contain {article} '{key}' key")
    entries = {entry: data[entry] for entry in (key, lock) if entry in data}

    def sign(payload: bytes) -> str:
        try:
            return context.sops.sign(payload, kind, name, entries, timeout=_TIMEOUT)
        except KeyUnusable as error:
            raise _unusable(error.message) from None
        except EngineError as error:
            raise GitOperationFailed(
                f"failed to update source: the commit could not be signed: {error}"
            ) from None

    return sign


def _unusable(why: str) -> SourceManagerFailed:
    return SourceManagerFailed(
        f"failed configuring source manager: {why}", remedy="correct the Secret in spec.git.commit.signingKey"
    )
