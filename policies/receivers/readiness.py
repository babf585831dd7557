# SPDX-License-Identifier: Apache-2.0
"""What the conditions of a Receiver say, in Flux's words."""

from __future__ import annotations

from collections.abc import Sequence

from policies.errors import FairwayError, TerminalError
from policies.expressions import Expression
from policies.kinds.receiver import (
    NO_SECRET,
    OIDC,
    PROVIDERS_ELSEWHERE,
    SECRET_WITH_OIDC,
    OIDCProvider,
    Receiver,
)
from policies.receivers.targets import names

_TERMINAL = "Reconciliation failed terminally due to configuration error"
IN_PROGRESS = "Reconciliation in progress"


class TokenMissing(FairwayError):
    """There is no token to know senders by."""

    reason = "TokenNotFound"


def initialized(path: str) -> str:
    """Return the Ready message of a Receiver."""
    return f"Receiver initialized for path: {path}"


def unreadable(secret: str, why: object) -> TokenMissing:
    return TokenMissing(f"unable to read token from secret '{secret}' error: {why}")


def incomplete(secret: str) -> TokenMissing:
    return TokenMissing(f"invalid '{secret}' secret data: required fields 'token'")


def empty(secret: str) -> TokenMissing:
    return TokenMissing(
        f"invalid '{secret}' secret data: 'token' is empty, and anybody could send",
        remedy="put a long random text there",
    )


def refusal(receiver: Receiver) -> TerminalError | None:
    """Return what is wrong with a Receiver by itself, where an older definition has let it pass."""
    spec, providers = receiver.spec, receiver.spec.oidc_providers or []
    if spec.type == OIDC and not providers:
        return _invalid("generic-oidc receiver requires at least one oidcProvider")
    if spec.type != OIDC and providers:
        return _invalid(PROVIDERS_ELSEWHERE)
    if spec.type == OIDC and spec.secret_ref is not None:
        return _invalid(SECRET_WITH_OIDC)
    if spec.type != OIDC and spec.secret_ref is None:
        return _invalid(NO_SECRET)
    issuers = [one.issuer_url for one in providers]
    for place, issuer in enumerate(issuers):
        if issuer in issuers[:place]:
            return _invalid(f'oidcProviders[{place}]: duplicate issuerURL "{issuer}"')
    return None


def filters(receiver: Receiver) -> dict[str, Expression]:
    """Return every filter by the words that a message about it begins with."""
    found = {}
    if receiver.spec.resource_filter:
        found["invalid resourceFilter expression"] = receiver.spec.resource_filter
    for place, one in enumerate(receiver.spec.resources):
        if one.filter:
            where = f'resources[{place}] (kind="{one.kind}", name="{one.name}")'
            found[f"invalid filter expression for {where}"] = one.filter
    return {words: Expression(text, names(receiver)) for words, text in found.items()}


def invalid_filter(words: str, problem: str) -> TerminalError:
    return _invalid(f"{words}: {problem}", reason="InvalidCELExpression")


def invalid_provider(place: int, provider: OIDCProvider, problems: Sequence[str]) -> TerminalError | None:
    """Return what is wrong with a provider's expressions: `problems` are those of variables, validations."""
    variables = [f'variable "{one.name}"' for one in provider.variables or []]
    validations = [f'validation "{one.message}"' for one in provider.validations]
    for what, problem in zip([*variables, *validations], problems, strict=True):
        if problem:
            where = f'oidcProviders[{place}] (issuerURL="{provider.issuer_url}")'
            return _invalid(
                f"{where}: invalid expression for {what}: {problem}", reason="InvalidCELExpression"
            )
    return None


def _invalid(why: str, *, reason: str = "ValidationFailed") -> TerminalError:
    return TerminalError(f"{_TERMINAL}: {why}", reason=reason)
