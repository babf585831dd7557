# SPDX-License-Identifier: Apache-2.0
"""RepositoryBinding, fairway.dev/v1alpha1: what one GitHub repository may do in this cluster."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from policies.kinds.kind import Column, Definition, Kind
from policies.kinds.meta import Condition, Int64, Model, default

_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_VERB = r"^[a-z]+(-[a-z]+)*$"
# The bounds are also what the API server estimates the cost of the CEL rule by.
Namespace = Annotated[str, Field(min_length=1, max_length=63, pattern=_LABEL)]
Verb = Annotated[str, Field(min_length=1, max_length=32, pattern=_VERB)]
_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
_BY_NAME: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class Repository(Model):
    """A repository on GitHub. Names may change hands; the number decides."""

    owner: str = Field(
        min_length=1, max_length=39, description="The account it belongs to, for people to read."
    )
    name: str = Field(min_length=1, max_length=100, description="Its name, for people to read.")
    id: Annotated[Int64, Field(ge=1)] = Field(description="GitHub's number of the repository.")


class Environment(Model):
    """A part of this cluster that releases go to."""

    name: str = Field(min_length=1, max_length=63, pattern=_LABEL, description="Its name in orders.")
    namespaces: list[Namespace] | None = Field(
        None,
        max_length=100,
        description="Its namespaces; all of the binding's by default.",
        json_schema_extra=_SET,
    )
    protected: bool | None = Field(
        None,
        description="Whether orders into it name their commit and need another person's approval.",
        json_schema_extra=default(False),
    )


class RepositoryBindingSpec(Model):
    """The repository, and how far its word goes."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "message": "environments may only name namespaces of the binding",
                    "rule": "!has(self.environments) || self.environments.all(e, !has(e.namespaces) ||"
                    " e.namespaces.all(n, n in self.namespaces))",
                }
            ]
        }
    )

    repository: Repository = Field(description="The repository that is bound.")
    namespaces: list[Namespace] = Field(
        min_length=1,
        max_length=100,
        description="The namespaces whose objects it may concern.",
        json_schema_extra=_SET,
    )
    write: Literal["none", "pr", "merge"] | None = Field(
        None,
        description="What Fairway may do to the repository: nothing, open pull requests, or merge its own.",
        json_schema_extra=default("pr"),
    )
    verbs: list[Verb] | None = Field(
        None,
        max_length=50,
        description="The orders that may be given in it, such as promote or rollback; all by default, and an"
        " empty list allows none.",
        json_schema_extra=_SET,
    )
    environments: list[Environment] | None = Field(
        None,
        max_length=50,
        description="The environments its orders may name.",
        json_schema_extra=_BY_NAME,
    )


class RepositoryBindingStatus(Model):
    """Whether the binding can be used."""

    conditions: list[Condition] | None = Field(None, description="How the binding is doing.")
    observed_generation: Int64 | None = Field(None, description="The generation that was last looked at.")


class RepositoryBinding(Kind):
    """An administrator's word on what one GitHub repository may do in this cluster."""

    definition: ClassVar[Definition] = Definition(
        group="fairway.dev",
        version="v1alpha1",
        kind="RepositoryBinding",
        plural="repositorybindings",
        scope="Cluster",
        spec_required=True,
        categories=("fairway",),
        columns=(
            Column("Owner", "string", ".spec.repository.owner"),
            Column("Repository", "string", ".spec.repository.name"),
            Column("Write", "string", ".spec.write"),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
    )

    spec: RepositoryBindingSpec
    status: RepositoryBindingStatus = RepositoryBindingStatus()
