# SPDX-License-Identifier: Apache-2.0
"""What the rendering engine is asked, and what it answers."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from policies.expressions import Answer, Expression
from policies.objects import Object
from workers.engine.child import Child


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """A source tree (tar.gz and its digest), the live Kustomization, and its resolved variables.

    `normalize` gives the objects the form they are applied in, else they are as kustomize rendered them.
    `decrypted` are plaintexts in base64 by Ciphertext.key.
    """

    artifact: Path
    digest: str
    kustomization: Object
    variables: dict[str, str] = field(default_factory=dict)
    strict: bool = True
    normalize: bool = True
    decrypted: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """A Go template of a commit message, whose it is, and what the commit changes, in order.

    Each change has file, apiVersion, kind, namespace, name, old, new and setter.
    """

    template: str
    namespace: str
    name: str
    values: Mapping[str, str]
    changes: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """Something encrypted in base64, its formats, and how the sentence begins that says why it stays so."""

    key: str
    data: str
    input: str
    output: str
    during: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The objects in kustomize's order, the file each came from ("" when unknown), and their digest.

    Or nothing but what has to be decrypted first: `decrypted` of the next request has it by its key.
    `secret_words` is what was decrypted for it, for messages to leave out. `reads` are the looks at the tree
    and what they found, for `unchanged`; None when the build is to be repeated whatever happens.
    """

    objects: list[Object]
    origins: list[str]
    digest: str
    encrypted: list[Ciphertext] = field(default_factory=list)
    secret_words: frozenset[str] = field(default=frozenset(), repr=False)
    reads: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Expressions, the values they are evaluated on (by variable), and pairs of places of the two.

    `shared` are values by variable that all have in common: they are sent once.
    """

    expressions: Sequence[Expression]
    data: Sequence[Object] = ()
    questions: Sequence[tuple[int, int]] = ()
    shared: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Why an expression cannot be read ("" when it can), one each; and an answer to each question."""

    problems: list[str]
    answers: list[Answer]


_SILENCE = 5.0  # seconds; the engine says every second that it works


class Engine(Child):
    """The engine as a child process: kustomize is not safe in parallel, so each worker has one of its own."""

    def __init__(self, binary: Path, *, scratch: Path | None = None) -> None:
        super().__init__(
            binary,
            what="the rendering engine",
            scratch=scratch or Path(tempfile.gettempdir()),
            silence=_SILENCE,
        )

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
                "decrypted": dict(request.decrypted),
            },
            timeout=timeout,
        )
        encrypted = [Ciphertext(**one) for one in answer.get("encrypted") or []]
        return BuildResult(
            answer["objects"] or [],
            answer["origins"] or [],
            answer["digest"],
            encrypted,
            reads=answer.get("reads"),
        )

    def unchanged(
        self, artifact: Path, digest: str, sets: Mapping[str, Mapping[str, str]], *, timeout: float
    ) -> dict[str, str]:
        """Return a path for each set of reads that would find something else in this tree.

        A build whose reads all find the same renders the same, given the same spec and variables. Raises
        EngineError's subclasses.
        """
        asked = {"artifact": str(artifact), "digest": digest, "sets": sets}
        found: dict[str, str] = self.ask("unchanged", asked, timeout=timeout)["changed"]
        return found

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

    def judge(
        self,
        variables: Sequence[tuple[str, str]],
        validations: Sequence[str],
        claims: Object | None,
        *,
        timeout: float,
    ) -> Evaluated:
        """Evaluate conditions on a token's claims, with variables (name and expression) as Flux has them.

        There is a problem and an answer for each variable and then for each validation; an answer to a
        variable is no more than its error. Without claims, or with a problem, there are no answers. Raises
        EngineError's subclasses.
        """
        answer = self.ask(
            "judge",
            {
                "variables": [{"name": name, "expression": text} for name, text in variables],
                "validations": list(validations),
                **({} if claims is None else {"claims": claims}),
            },
            timeout=timeout,
        )
        found = [Answer(one["holds"], one.get("error", "")) for one in answer["answers"]]
        return Evaluated(answer["problems"], found)

    def message(self, asked: MessageRequest, *, timeout: float) -> str:
        """Render a commit message; raises TemplateInvalid, FieldRemoved and EngineError's others."""
        answer = self.ask("message", asdict(asked), timeout=timeout)
        return str(answer["message"])

    def evaluate(self, asked: Evaluation, *, timeout: float) -> Evaluated:
        """Evaluate CEL as Flux does; raises EngineError's subclasses. `timeout` counts from our turn."""
        answer = self.ask(
            "evaluate",
            {
                "expressions": [{"text": e.text, "variables": e.variables} for e in asked.expressions],
                "shared": asked.shared,
                "data": asked.data,
                "questions": [{"expression": e, "data": d} for e, d in asked.questions],
            },
            timeout=timeout,
        )
        problems: list[str] = answer["problems"]
        answers = [
            Answer(found["holds"], found.get("error", ""), invalid=bool(problems[expression]))
            for (expression, _), found in zip(asked.questions, answer["answers"], strict=True)
        ]
        return Evaluated(problems, answers)
