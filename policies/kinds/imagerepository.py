# SPDX-License-Identifier: Apache-2.0
"""ImageRepository, image.toolkit.fluxcd.io/v1: an image of a registry whose tags are listed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from policies.kinds.kind import Column, Definition, Kind, ready_column, status_column
from policies.kinds.meta import Condition, Duration, Int64, LocalReference, Model, Time, default, seconds

DEFAULT_EXCLUSIONS = (r"^.*\.sig$",)
_MINIMUM_TIMEOUT = 1.0  # seconds


class NamespaceSelector(Model):
    """Namespaces by their labels; no labels mean every namespace."""

    match_labels: dict[str, str] | None = Field(None, description="Labels that a namespace has to carry.")


class AccessFrom(Model):
    """From which other namespaces policies may use this repository."""

    namespace_selectors: list[NamespaceSelector] = Field(
        description="The namespaces; one selector that fits is enough."
    )


class ImageRepositorySpec(Model):
    """Which image to scan, how to log in, and how often."""

    access_from: AccessFrom | None = Field(
        None, description="The namespaces besides its own whose policies may use it."
    )
    cert_secret_ref: LocalReference | None = Field(
        None, description="The Secret with a CA (ca.crt), or a certificate (tls.crt) and key (tls.key)."
    )
    exclusion_list: Annotated[list[str], Field(max_length=25)] | None = Field(
        None,
        description="Regular expressions of tags to leave out; they replace the one for signatures.",
        json_schema_extra=default(list(DEFAULT_EXCLUSIONS)),
    )
    image: str = Field(description="The image's name, without scheme and tag.")
    insecure: bool | None = Field(None, description="Whether the registry is spoken to without TLS.")
    interval: Duration = Field(description="How often the tags are listed.")
    provider: Literal["generic", "aws", "azure", "gcp"] | None = Field(
        None, description="Whose way of logging in is used.", json_schema_extra=default("generic")
    )
    proxy_secret_ref: LocalReference | None = Field(None, description="The Secret that names a proxy.")
    secret_ref: LocalReference | None = Field(
        None, description="The Secret of type kubernetes.io/dockerconfigjson with the login."
    )
    service_account_name: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="The service account whose pull secrets, or cloud identity, are used."
    )
    suspend: bool | None = Field(None, description="Whether to leave this image alone for now.")
    timeout: Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$")] | None = Field(
        None, description="How long one scan may take; its interval by default."
    )


class ScanResult(Model):
    """What the last scan found."""

    latest_tags: list[str] | None = Field(
        None, description="The ten tags that come last in the alphabet, the very last first."
    )
    revision: str | None = Field(None, description="Checksum of all tags; it changes when they do.")
    scan_time: Time | None = Field(None, description="When it was.")
    tag_count: int = Field(description="How many tags there are.")


class ImageRepositoryStatus(Model):
    """What was scanned last, and how it went."""

    canonical_image_name: str | None = Field(
        None, description="The image's name in full, with its registry and path."
    )
    conditions: list[Condition] | None = Field(None, description="How the image repository is doing.")
    last_handled_reconcile_at: str | None = Field(
        None, description="The last reconcile request that was carried out."
    )
    last_scan_result: ScanResult | None = Field(None, description="The last scan that went well.")
    observed_exclusion_list: list[str] | None = Field(
        None, description="The regular expressions behind that result."
    )
    observed_generation: Int64 | None = Field(None, description="The generation that was last carried out.")


class ImageRepository(Kind):
    """An image whose tags are listed again and again, for policies to choose from."""

    definition: ClassVar[Definition] = Definition(
        group="image.toolkit.fluxcd.io",
        version="v1",
        kind="ImageRepository",
        plural="imagerepositories",
        short_names=("imgrepo", "imagerepo"),
        categories=("all", "fluxcd", "fluxcd-images"),
        columns=(
            Column("Image", "string", ".spec.image"),
            Column("Tags", "string", ".status.lastScanResult.tagCount"),
            ready_column(),
            status_column(),
            Column("Last scan", "string", ".status.lastScanResult.scanTime", priority=1),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        initial_status={"observedGeneration": -1},
    )

    spec: ImageRepositorySpec
    status: ImageRepositoryStatus = ImageRepositoryStatus()

    @property
    def interval_seconds(self) -> float:
        return seconds(self.spec.interval)

    @property
    def timeout_seconds(self) -> float:
        """How long one scan may take, in seconds: never less than one."""
        return max(seconds(self.spec.timeout or self.spec.interval), _MINIMUM_TIMEOUT)

    @property
    def provider(self) -> str:
        """Whose way of logging in is used."""
        return self.spec.provider or "generic"

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The regular expressions of tags that are left out; an empty list counts as none given."""
        return tuple(self.spec.exclusion_list or DEFAULT_EXCLUSIONS)
