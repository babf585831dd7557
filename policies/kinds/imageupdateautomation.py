# SPDX-License-Identifier: Apache-2.0
"""ImageUpdateAutomation, image.toolkit.fluxcd.io/v1: chosen images, written to a Git repository."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from policies.kinds.gitrepository import GitRef
from policies.kinds.imagepolicy import ImageRef
from policies.kinds.kind import Column, Definition, Kind, ready_column, status_column
from policies.kinds.meta import Condition, Duration, Int64, LocalReference, Model, Time, default, seconds

_ATOMIC = {"x-kubernetes-list-type": "atomic"}


class Checkout(Model):
    """What to start from."""

    ref: GitRef = Field(description="The branch, tag or commit to start from.")


class Author(Model):
    """Whose name the commits carry."""

    email: str = Field(description="The address.")
    name: str | None = Field(None, description="The name.")


class SigningKey(Model):
    """The key that commits are signed with."""

    secret_ref: LocalReference = Field(
        description="The Secret with git.asc and passphrase, or with identity and password."
    )
    type: Literal["gpg", "ssh"] | None = Field(None, description="Which kind of key it is; gpg by default.")


class Commit(Model):
    """How commits are made."""

    author: Author = Field(description="Who the author is.")
    message_template: str | None = Field(
        None, description="The message, as a Go template over what has changed."
    )
    message_template_values: dict[str, str] | None = Field(
        None, description="Values of one's own for that template."
    )
    signing_key: SigningKey | None = Field(None, description="The key to sign with.")


class Push(Model):
    """Where commits go."""

    branch: str | None = Field(
        None, description="The branch; it is made when there is none. The one started from by default."
    )
    options: dict[str, str] | None = Field(None, description="Options that the Git server is sent.")
    refspec: Annotated[str, Field(pattern=r"^$|^[^+:]")] | None = Field(
        None, description="Where it is pushed in addition, as source:destination."
    )


class GitSpec(Model):
    """How Git is used."""

    checkout: Checkout | None = Field(
        None, description="What to start from; the GitRepository's own ref by default."
    )
    commit: Commit = Field(description="How commits are made.")
    push: Push | None = Field(None, description="Where commits go.")


class Requirement(Model):
    """A demand on one label."""

    key: str = Field(description="The label.")
    operator: str = Field(description="In, NotIn, Exists or DoesNotExist.")
    values: Annotated[list[str], Field(json_schema_extra=_ATOMIC)] | None = Field(
        None, description="The values that In and NotIn are about."
    )


class PolicySelector(Model):
    """Policies by their labels; all that is given has to hold."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})

    match_expressions: Annotated[list[Requirement], Field(json_schema_extra=_ATOMIC)] | None = Field(
        None, description="Demands on labels."
    )
    match_labels: dict[str, str] | None = Field(None, description="Labels with their values.")


class SourceReference(Model):
    """The GitRepository that says where the repository is and how to log in."""

    api_version: str | None = Field(None, description="Its API version.")
    kind: Literal["GitRepository"] = Field(
        description="Its kind.", json_schema_extra=default("GitRepository")
    )
    name: str = Field(description="Its name.")
    namespace: str | None = Field(None, description="Its namespace; ours by default.")


class Update(Model):
    """How files are changed."""

    path: str | None = Field(None, description="The folder whose files are changed; all by default.")
    strategy: Literal["Setters"] | None = Field(
        None, description="By the markers in the files.", json_schema_extra=default("Setters")
    )


class ImageUpdateAutomationSpec(Model):
    """Which policies are written where, and how."""

    git: GitSpec | None = Field(None, description="How Git is used; it has to be there.")
    interval: Duration = Field(description="How often to look, whatever else happens.")
    policy_selector: PolicySelector | None = Field(
        None, description="The policies of this namespace to write; all by default."
    )
    source_ref: SourceReference = Field(description="The repository to write to.")
    suspend: bool | None = Field(None, description="Whether to leave this automation alone for now.")
    update: Update | None = Field(
        None, description="How files are changed.", json_schema_extra=default({"strategy": "Setters"})
    )


class ImageUpdateAutomationStatus(Model):
    """What was written last, and how it went."""

    conditions: list[Condition] | None = Field(None, description="How the automation is doing.")
    last_automation_run_time: Time | None = Field(None, description="When it last ran.")
    last_handled_reconcile_at: str | None = Field(
        None, description="The last reconcile request that was carried out."
    )
    last_push_commit: str | None = Field(None, description="The last commit that was pushed.")
    last_push_time: Time | None = Field(None, description="When that was.")
    observed_generation: Int64 | None = Field(None, description="The generation that was last carried out.")
    observed_policies: dict[str, ImageRef] | None = Field(
        None, description="The policies that were written last, by name, with their images."
    )
    observed_source_revision: str | None = Field(
        None, description="The revision of the repository that was looked at last."
    )


class ImageUpdateAutomation(Kind):
    """A rule that writes the images of policies to the files of a Git repository."""

    definition: ClassVar[Definition] = Definition(
        group="image.toolkit.fluxcd.io",
        version="v1",
        kind="ImageUpdateAutomation",
        plural="imageupdateautomations",
        short_names=("iua", "imgupd", "imgauto"),
        categories=("all", "fluxcd", "fluxcd-images"),
        columns=(
            ready_column(),
            status_column(),
            Column("Last run", "string", ".status.lastAutomationRunTime", priority=1),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        initial_status={"observedGeneration": -1},
    )

    spec: ImageUpdateAutomationSpec
    status: ImageUpdateAutomationStatus = ImageUpdateAutomationStatus()

    @property
    def interval_seconds(self) -> float:
        return seconds(self.spec.interval)

    @property
    def source_key(self) -> tuple[str, str]:
        """Namespace and name of the GitRepository."""
        reference = self.spec.source_ref
        return reference.namespace or self.metadata.namespace, reference.name
