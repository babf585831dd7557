# SPDX-License-Identifier: Apache-2.0
"""ImagePolicy, image.toolkit.fluxcd.io/v1: which tag of an image is the one to run."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from policies.kinds.kind import Column, Definition, Kind, ready_column, status_column
from policies.kinds.meta import Condition, Duration, Int64, Model, default, seconds

ReflectionPolicy = Literal["Always", "IfNotPresent", "Never"]
_DEFAULT_INTERVAL = 600.0  # seconds


class RepositoryReference(Model):
    """The ImageRepository whose tags are chosen from."""

    name: str = Field(description="Its name.")
    namespace: str | None = Field(None, description="Its namespace; ours by default.")


class SemverChoice(Model):
    """Take the highest version in a range."""

    range: str = Field(description="The range, such as ^1.2 or >=1.0.0-0.")


class Ordering(Model):
    """Take the first or the last of an order."""

    order: Literal["asc", "desc"] | None = Field(
        None,
        description="The way to count: asc takes the last, desc the first.",
        json_schema_extra=default("asc"),
    )


class Choice(Model):
    """How to choose. One of these has to be there; of several the first counts: semver, then alphabetical."""

    alphabetical: Ordering | None = Field(None, description="By the bytes of the tags.")
    numerical: Ordering | None = Field(None, description="By number; every tag has to be one.")
    semver: SemverChoice | None = Field(None, description="By semantic version.")


class TagFilter(Model):
    """Which tags to look at, and which part of them to compare."""

    extract: str | None = Field(
        None, description="The part to compare, made of the pattern's groups, such as $version."
    )
    pattern: str | None = Field(None, description="A regular expression that a tag has to match.")


class ImagePolicySpec(Model):
    """Where the tags come from, and how one of them is chosen."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "message": "spec.interval is only accepted when spec.digestReflectionPolicy is set"
                    " to 'Always'",
                    "rule": "!has(self.interval) || (has(self.digestReflectionPolicy) &&"
                    " self.digestReflectionPolicy == 'Always')",
                },
                {
                    "message": "spec.interval must be set when spec.digestReflectionPolicy is set to"
                    " 'Always'",
                    "rule": "has(self.interval) || !has(self.digestReflectionPolicy) ||"
                    " self.digestReflectionPolicy != 'Always'",
                },
            ]
        }
    )

    digest_reflection_policy: ReflectionPolicy | None = Field(
        None,
        description="When the digest of the chosen image is asked for: Never, IfNotPresent for each tag"
        " once, or Always at each interval.",
        json_schema_extra=default("Never"),
    )
    filter_tags: TagFilter | None = Field(None, description="Which tags to look at; all by default.")
    image_repository_ref: RepositoryReference = Field(description="Where the tags come from.")
    interval: Duration | None = Field(
        None, description="How often the digest is asked for, where that is always."
    )
    policy: Choice = Field(description="How one of the tags is chosen.")
    suspend: bool | None = Field(None, description="Whether to leave this policy alone for now.")


class ImageRef(Model):
    """One image of one name."""

    digest: str | None = Field(None, description="The digest of its manifest, where it was asked for.")
    name: str = Field(description="The image without tag, as it stands in the ImageRepository.")
    tag: str = Field(description="The tag.")

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it one image and not another; an empty digest is none."""
        return self.name, self.tag, self.digest or ""

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


class ImagePolicyStatus(Model):
    """What was chosen last, and how it went."""

    conditions: list[Condition] | None = Field(None, description="How the policy is doing.")
    last_handled_reconcile_at: str | None = Field(
        None, description="The last reconcile request that was carried out."
    )
    latest_ref: ImageRef | None = Field(None, description="The image that was chosen.")
    observed_generation: Int64 | None = Field(None, description="The generation that was last carried out.")
    observed_previous_ref: ImageRef | None = Field(None, description="The one that was chosen before it.")


class ImagePolicy(Kind):
    """A rule that chooses one tag of an image repository."""

    definition: ClassVar[Definition] = Definition(
        group="image.toolkit.fluxcd.io",
        version="v1",
        kind="ImagePolicy",
        plural="imagepolicies",
        short_names=("imgpol", "imagepol"),
        categories=("all", "fluxcd", "fluxcd-images"),
        columns=(
            Column("Image", "string", ".status.latestRef.name"),
            Column("Tag", "string", ".status.latestRef.tag"),
            ready_column(),
            status_column(),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        initial_status={"observedGeneration": -1},
    )

    spec: ImagePolicySpec
    status: ImagePolicyStatus = ImagePolicyStatus()

    @property
    def reflection(self) -> ReflectionPolicy:
        """When the digest is asked for."""
        return self.spec.digest_reflection_policy or "Never"

    @property
    def interval_seconds(self) -> float | None:
        """How often the digest is asked for, in seconds; None when only a scan brings news."""
        if self.reflection != "Always":
            return None
        return (seconds(self.spec.interval) if self.spec.interval else 0.0) or _DEFAULT_INTERVAL

    @property
    def repository_key(self) -> tuple[str, str]:
        """Namespace and name of the ImageRepository."""
        reference = self.spec.image_repository_ref
        return reference.namespace or self.metadata.namespace, reference.name
