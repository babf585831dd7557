# SPDX-License-Identifier: Apache-2.0
"""What can go wrong when a source is rendered.

EngineError
├── BuildFailed                 the source cannot be rendered; names the file and, where known, the line
│   ├── DecryptionFailed        something encrypted cannot be decrypted
│   └── OutputTooLarge          it renders to more than anybody may have
├── PathNotFound                spec.path is not in the artifact
├── EncryptedSecret             a Secret would be applied encrypted
├── KeyUnusable                 an entry of a decryption Secret is no key
├── SignatureInvalid            no trusted key made a signature
├── TemplateInvalid             a message's template cannot be read or run
│   └── FieldRemoved            it names a field that is not there any more
├── ArtifactUnusable            the artifact is missing or damaged; its source makes it again
└── EngineTimeout, EngineDied   the engine was ended; a later run may go through
"""

from __future__ import annotations

from typing import Any

from policies.errors import FairwayError


class EngineError(FairwayError):
    reason = "BuildFailed"

    def __init__(self, message: str, *, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


class BuildFailed(EngineError):
    pass


class OutputTooLarge(BuildFailed):
    pass


class DecryptionFailed(BuildFailed):
    pass


class KeyUnusable(EngineError):
    pass


class EncryptedSecret(EngineError):
    """Without spec.decryption a Secret that is encrypted is not applied; Flux finds it when it applies."""

    reason = "ReconciliationFailed"


class PathNotFound(EngineError):
    reason = "ArtifactFailed"


class ArtifactUnusable(EngineError):
    reason = "ArtifactFailed"


class SignatureInvalid(EngineError):
    """No trusted key made the signature."""


class TemplateInvalid(EngineError):
    """The template cannot be read or run; another one, or other values, may be."""

    reason = "GitOperationFailed"


class FieldRemoved(TemplateInvalid):
    reason = "RemovedTemplateField"
    retryable = False


class EngineTimeout(EngineError):
    pass


class EngineDied(EngineError):
    pass


_BY_KIND: dict[str, type[EngineError]] = {
    "path_not_found": PathNotFound,
    "artifact": ArtifactUnusable,
    "too_large": OutputTooLarge,
    "decrypt": DecryptionFailed,
    "key": KeyUnusable,
    "encrypted": EncryptedSecret,
    "signature": SignatureInvalid,
    "template": TemplateInvalid,
    "removed_field": FieldRemoved,
}


def from_answer(error: dict[str, Any]) -> EngineError:
    """Turn the engine's answer into the matching error."""
    kind = _BY_KIND.get(error.get("kind", ""), BuildFailed)
    return kind(error["message"], file=error.get("file", ""), line=error.get("line", 0))
