# SPDX-License-Identifier: Apache-2.0
"""Receiver, notification.toolkit.fluxcd.io/v1: an address whose webhooks have objects looked at."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasGenerator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from policies.kinds.kind import Definition, Kind, ready_columns
from policies.kinds.meta import Condition, Duration, Int64, LocalReference, Model, default, seconds

OIDC = "generic-oidc"
DEFAULT_AUDIENCE = "notification-controller"
_DEFAULT_INTERVAL = "10m"
Name = Annotated[str, Field(min_length=1, max_length=253)]
Type = Literal[
    "generic", "generic-hmac", "generic-oidc", "github", "gitlab", "bitbucket", "harbor", "dockerhub",
    "quay", "gcr", "nexus", "acr", "cdevents",
]  # fmt: skip
Notified = Literal[
    "Bucket", "GitRepository", "Kustomization", "HelmRelease", "HelmChart", "HelmRepository",
    "ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "OCIRepository", "ArtifactGenerator",
    "ExternalArtifact",
]  # fmt: skip


class Resource(Model):
    """Objects to look at, by name or by labels."""

    api_version: str | None = Field(None, description="Their version, where their kind does not tell.")
    filter: str | None = Field(
        None,
        description="A condition in CEL over res (an object's metadata), req (the webhook's body) and, with"
        " OIDC, claims. Only objects that meet it, and resourceFilter too, are looked at.",
    )
    kind: Notified = Field(description="Their kind.")
    match_labels: dict[str, str] | None = Field(
        None, description="Labels that they all carry; goes with the name *."
    )
    name: Name = Field(description="The object's name, or * for those with the labels.")
    namespace: Name | None = Field(None, description="Their namespace; ours by default.")


class Variable(Model):
    """A value in CEL that those after it can use."""

    expression: str = Field(description="The value, in CEL over claims and vars.")
    name: str = Field(description="Its name, as in vars.name.")


class Validation(Model):
    """What has to be true of a caller."""

    expression: str = Field(description="The condition, in CEL over claims and vars.")
    message: str = Field(description="What it means when it is not.")


def _issuer(name: str) -> str:
    return "issuerURL" if name == "issuer_url" else to_camel(name)


class OIDCProvider(Model):
    """An issuer whose tokens let somebody in."""

    model_config = ConfigDict(alias_generator=AliasGenerator(alias=_issuer))

    audience: str | None = Field(
        None, description=f"For whom its tokens have to be; {DEFAULT_AUDIENCE} by default."
    )
    issuer_url: Annotated[str, Field(pattern=r"^https?://")] = Field(
        description="The issuer's address, exactly as its tokens name it."
    )
    validations: Annotated[list[Validation], Field(min_length=1)] = Field(
        description="What has to hold besides the signature, which anybody may have on a public issuer."
    )
    variables: list[Variable] | None = Field(
        None, description="Values that the conditions share, each made with those before it."
    )


def _rule(message: str, rule: str) -> dict[str, str]:
    return {"message": message, "rule": rule}


NO_PROVIDER = "generic-oidc receivers must define at least one oidcProvider"
PROVIDERS_ELSEWHERE = "oidcProviders can only be set when type is generic-oidc"
SECRET_WITH_OIDC = "secretRef cannot be set when type is generic-oidc"  # noqa: S105
NO_SECRET = "secretRef is required when type is not generic-oidc"  # noqa: S105
_RULES: dict[str, Any] = {
    "x-kubernetes-validations": [
        _rule(
            NO_PROVIDER,
            "self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)",
        ),
        _rule(
            PROVIDERS_ELSEWHERE,
            "self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0",
        ),
        _rule(SECRET_WITH_OIDC, "self.type != 'generic-oidc' || !has(self.secretRef)"),
        _rule(NO_SECRET, "self.type == 'generic-oidc' || has(self.secretRef)"),
    ]
}


class ReceiverSpec(Model):
    """Who may send webhooks, of which events, and what is looked at then."""

    model_config = ConfigDict(json_schema_extra=_RULES)

    events: list[str] | None = Field(
        None, description="The events that count, in any case, such as push; all by default."
    )
    interval: Duration | None = Field(
        None, description="How often the Secret is read.", json_schema_extra=default(_DEFAULT_INTERVAL)
    )
    oidc_providers: list[OIDCProvider] | None = Field(
        None,
        description="Whose tokens let somebody in, where the type is generic-oidc.",
        json_schema_extra={"x-kubernetes-list-map-keys": ["issuerURL"], "x-kubernetes-list-type": "map"},
    )
    resource_filter: str | None = Field(
        None,
        description="A condition in CEL that every object has to meet, over the same names as the filter of"
        " a resource.",
    )
    resources: list[Resource] = Field(description="What is looked at when a webhook comes in.")
    secret_ref: LocalReference | None = Field(
        None,
        description="The Secret with the token that senders prove to know; for gcr also with email and"
        " audience. Needed by every type but generic-oidc, which has none.",
    )
    suspend: bool | None = Field(None, description="Whether to turn webhooks away for now.")
    type: Type = Field(description="Who sends: this decides how it is known that it is them.")


class ReceiverStatus(Model):
    """Where webhooks are taken, and whether they are."""

    conditions: list[Condition] | None = Field(None, description="How the receiver is doing.")
    last_handled_reconcile_at: str | None = Field(
        None, description="The last reconcile request that was carried out."
    )
    observed_generation: Int64 | None = Field(None, description="The generation that was last carried out.")
    webhook_path: str | None = Field(
        None, description="The path to send to: /hook/ and a checksum of token, name and namespace."
    )


class Receiver(Kind):
    """An address whose webhooks have objects looked at."""

    definition: ClassVar[Definition] = Definition(
        group="notification.toolkit.fluxcd.io",
        version="v1",
        kind="Receiver",
        plural="receivers",
        categories=("all", "fluxcd", "fluxcd-notifications"),
        columns=ready_columns(),
        initial_status={"observedGeneration": -1},
    )

    spec: ReceiverSpec
    status: ReceiverStatus = ReceiverStatus()

    @property
    def interval_seconds(self) -> float:
        return seconds(self.spec.interval or _DEFAULT_INTERVAL)
