# SPDX-License-Identifier: Apache-2.0
"""GitRepository, source.toolkit.fluxcd.io/v1: a ref of a Git repository, packed as an artifact."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from policies.kinds.kind import Column, Definition, Kind, ready_columns
from policies.kinds.meta import (
    Artifact,
    Condition,
    Duration,
    Int64,
    LocalReference,
    Model,
    default,
    seconds,
)


class GitRef(Model):
    """Which commit to take. The first that is set counts: commit, name, tag, semver, branch."""

    branch: str | None = Field(None, description="A branch; master when nothing else is named.")
    commit: str | None = Field(None, description="An exact commit; with a branch, one on that branch.")
    name: str | None = Field(None, description="A full reference, such as refs/pull/420/head.")
    semver: str | None = Field(None, description="The highest tag in this semantic version range.")
    tag: str | None = Field(None, description="A tag.")


class Include(Model):
    """Files of another GitRepository, laid into this one's artifact."""

    from_path: str | None = Field(None, description="What to take from the other; everything by default.")
    repository: LocalReference = Field(description="The other GitRepository, in the same namespace.")
    to_path: str | None = Field(None, description="Where it goes; its repository's name by default.")

    @property
    def destination(self) -> str:
        """The folder of our artifact that the files go to."""
        return self.to_path or self.repository.name


class Verification(Model):
    """Whose signatures a commit or tag has to carry."""

    mode: Literal["head", "HEAD", "Tag", "TagAndHEAD"] | None = Field(
        None, description="What has to be signed.", json_schema_extra=default("HEAD")
    )
    secret_ref: LocalReference = Field(description="The Secret with the public keys of trusted authors.")

    @property
    def of_head(self) -> bool:
        """Whether the commit itself has to be signed."""
        return self.mode != "Tag"

    @property
    def of_tag(self) -> bool:
        """Whether the tag that led to the commit has to be signed."""
        return self.mode in ("Tag", "TagAndHEAD")


class GitRepositorySpec(Model):
    """What to fetch, from where, and how often."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "message": "serviceAccountName can only be set when provider is 'azure' or 'aws'",
                    "rule": "!has(self.serviceAccountName) || (has(self.provider) && (self.provider =="
                    " 'azure' || self.provider == 'aws'))",
                }
            ]
        }
    )

    ignore: str | None = Field(None, description="Patterns of files to leave out, as in .gitignore.")
    include: list[Include] | None = Field(None, description="Other GitRepositories whose files come along.")
    interval: Duration = Field(description="How often the remote is asked for a new revision.")
    provider: Literal["generic", "aws", "azure", "github"] | None = Field(
        None, description="Whose way of logging in is used; generic by default."
    )
    proxy_secret_ref: LocalReference | None = Field(None, description="The Secret that names a proxy.")
    recurse_submodules: bool | None = Field(None, description="Whether submodules are fetched as well.")
    ref: GitRef | None = Field(None, description="Which commit to take; the tip of master by default.")
    secret_ref: LocalReference | None = Field(
        None, description="The Secret with the credentials for the remote."
    )
    service_account_name: str | None = Field(
        None, description="The service account to log in to a cloud with."
    )
    sparse_checkout: list[str] | None = Field(None, description="The only folders to take.")
    suspend: bool | None = Field(None, description="Whether to leave this source alone for now.")
    timeout: Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$")] | None = Field(
        None, description="How long one Git operation may take.", json_schema_extra=default("60s")
    )
    url: str = Field(pattern=r"^(http|https|ssh)://.*$", description="The repository's address.")
    verify: Verification | None = Field(None, description="Signatures to check before a revision is taken.")


class GitRepositoryStatus(Model):
    """What was fetched last, and how it went."""

    artifact: Artifact | None = Field(None, description="The newest revision that was packed.")
    conditions: list[Condition] | None = Field(None, description="How the source is doing.")
    included_artifacts: list[Artifact] | None = Field(
        None, description="The artifacts that were laid into this one."
    )
    last_handled_reconcile_at: str | None = Field(
        None, description="The last reconcile request that was carried out."
    )
    observed_generation: Int64 | None = Field(None, description="The generation that was last carried out.")
    observed_ignore: str | None = Field(None, description="The ignore patterns behind the artifact.")
    observed_include: list[Include] | None = Field(None, description="The includes behind the artifact.")
    observed_recurse_submodules: bool | None = Field(
        None, description="Whether the artifact holds submodules."
    )
    observed_sparse_checkout: list[str] | None = Field(None, description="The folders behind the artifact.")
    source_verification_mode: str | None = Field(
        None, description="What was verified of the artifact's revision."
    )


class GitRepository(Kind):
    """A Git repository of which one ref is followed; its files are served as an artifact."""

    definition: ClassVar[Definition] = Definition(
        group="source.toolkit.fluxcd.io",
        version="v1",
        kind="GitRepository",
        plural="gitrepositories",
        short_names=("gitrepo",),
        categories=("all", "fluxcd", "fluxcd-sources"),
        columns=ready_columns(Column("URL", "string", ".spec.url")),
        initial_status={"observedGeneration": -1},
    )

    spec: GitRepositorySpec
    status: GitRepositoryStatus = GitRepositoryStatus()

    @property
    def interval_seconds(self) -> float:
        return seconds(self.spec.interval)

    @property
    def timeout_seconds(self) -> float:
        """How long one Git operation may take, in seconds."""
        return seconds(self.spec.timeout or "60s")

    @property
    def provider(self) -> str:
        """Whose way of logging in is used."""
        return self.spec.provider or "generic"
