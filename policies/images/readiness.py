# SPDX-License-Identifier: Apache-2.0
"""What the conditions of ImageRepository and ImagePolicy say, in Flux's words.

`refusal` and the errors of this package are the cases in which something is wrong; what the message says
besides Flux's words is a remedy at its end.
"""

from __future__ import annotations

from policies.clock import go_duration
from policies.errors import FairwayError, TerminalError
from policies.kinds.imagepolicy import ImagePolicy, ImageRef
from policies.kinds.imagerepository import ImageRepository

_GATE = "ObjectLevelWorkloadIdentity"


class Unauthenticated(FairwayError):
    """No credentials could be made of what the ImageRepository names."""

    reason = "AuthenticationFailed"


class ScanFailed(FairwayError):
    """The registry did not tell its tags."""

    reason = "ReadOperationFailed"


class DigestUnknown(FairwayError):
    """The registry did not tell the digest of the chosen tag."""


class RepositoryMissing(FairwayError):
    """There is no such ImageRepository."""

    reason = "DependencyNotReady"


def unauthenticated(why: FairwayError) -> Unauthenticated:
    return Unauthenticated(f"failed to configure authentication options: {why}", retryable=why.retryable)


def scan_failed(why: object) -> ScanFailed:
    return ScanFailed(f"scan failed: {why}")


def digest_unknown(name: str, tag: str, why: object) -> DigestUnknown:
    image = f"{name}:{tag}"
    return DigestUnknown(
        f'failed fetching digest of {image}: failed fetching descriptor for "{image}": {why}'
    )


def repository_missing(policy: ImagePolicy) -> RepositoryMissing:
    _, name = policy.repository_key
    return RepositoryMissing(
        "failed to get the referred ImageRepository: referenced ImageRepository does not exist:"
        f' imagerepositories.image.toolkit.fluxcd.io "{name}" not found',
        remedy="create it, or correct spec.imageRepositoryRef",
    )


def refusal(policy: ImagePolicy) -> TerminalError | None:
    """Return what is wrong with a policy by itself.

    The API server refuses a missing interval already, but not where the CustomResourceDefinition is older.
    """
    if policy.reflection == "Always" and policy.spec.interval is None:
        return TerminalError(
            "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'",
            reason="IntervalNotConfigured",
        )
    return None


def login_refusal(repository: ImageRepository, *, identities: bool, of_policy: bool) -> TerminalError | None:
    """Return what is wrong with an account of one's own to log in with; `identities` is Flux's gate."""
    if repository.provider == "generic" or not repository.spec.service_account_name or identities:
        return None
    where = " in the ImageRepository" if of_policy else ""
    return TerminalError(
        f"to use spec.serviceAccountName{where} for provider authentication please enable the {_GATE} feature"
        " gate in the controller",
        reason="FeatureGateDisabled",
    )


def default_login_refusal(
    repository: ImageRepository, account: str, *, identities: bool
) -> TerminalError | None:
    """Return what is wrong with the account that the operator has all log in to clouds with."""
    if repository.provider == "generic" or not account or repository.spec.service_account_name or identities:
        return None
    return TerminalError(
        f"spec.provider {repository.provider} cannot be used: FAIRWAY_DEFAULT_SERVICE_ACCOUNT has it log in"
        f" as service account '{account}', and the {_GATE} feature gate is not enabled",
        reason="FeatureGateDisabled",
        remedy=f"have the operator set FAIRWAY_FEATURE_GATES={_GATE}=true, or use provider generic",
    )


def scanned(count: int, revision: str) -> str:
    """Return the Ready message of an ImageRepository."""
    return f"successful scan: found {count} tags with checksum {revision}"


def next_scan(due: float, *, looked: bool, changed: bool) -> str:
    """Return what an event says of a run after which nothing in the status is new; `due` is in seconds."""
    when = f"next scan in {go_duration(due)}"
    if not looked:
        return f"no change in repository configuration since last scan, {when}"
    return f"successful scan, {when}" if changed else f"tags did not change, {when}"


def chosen(latest: ImageRef, previous: ImageRef | None) -> str:
    """Return the Ready message of an ImagePolicy."""
    said = f"Latest image tag for {latest.name} resolved to {latest.tag}"
    if latest.digest:
        said += f" with digest {latest.digest}"
    if previous is not None and previous.identity != latest.identity:
        said += f" (previously {previous})"
    return said
