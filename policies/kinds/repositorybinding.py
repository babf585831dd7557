# SPDX-License-Identifier: Apache-2.0
"""RepositoryBinding, fairway.dev/v1alpha1: what one GitHub repository may do in this cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from policies.kinds.crd import Definition
from policies.kinds.meta import Condition, Int64, Model, ObjectMeta, default


# Bounded, because the API server refuses a rule over lists that could grow without end.
Namespace = Annotated[str, Field(min_length=1, max_length=63)]


class Repository(Model):
    """A repository on GitHub. Names may change hands; the number decides."""

    owner: str = Field(
        min_length=1, max_length=39, description="The account it belongs to, for people to read."
    )
    name: str = Field(min_length=1, max_length=100, description="Its name, for people to read.")
    id: Int64 = Field(description="GitHub's number of the repository.")


class Environment(Model):
    """A part of this cluster that releases go to."""

    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description="Its name in orders.",
    )
    namespaces: list[Namespace] | None = Field(
        None, max_length=20, description="Its namespaces; all of the binding's by default."
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
        min_length=1, max_length=50, description="The namespaces whose objects it may concern."
    )
    write: Literal["none", "pr", "merge"] | None = Field(
        None,
        description="What Fairway may do to the repository: nothing, open pull requests, or merge its own.",
        json_schema_extra=default("pr"),
    )
    environments: list[Environment] | None = Field(
        None, max_length=20, description="The environments its orders may name."
    )


class RepositoryBindingStatus(Model):
    """Whether the binding can be used."""

    conditions: list[Condition] | None = Field(None, description="How the binding is doing.")
    observed_generation: Int64 | None = Field(None, description="The generation that was last looked at.")


class RepositoryBinding(Model):
    """An administrator's word on what one GitHub repository may do in this cluster."""

    definition: ClassVar[Definition] = Definition(
        group="fairway.dev",
        version="v1alpha1",
        kind="RepositoryBinding",
        plural="repositorybindings",
        scope="Cluster",
        categories=("fairway",),
        columns=(
            ("Owner", "string", ".spec.repository.owner"),
            ("Repository", "string", ".spec.repository.name"),
            ("Write", "string", ".spec.write"),
            ("Age", "date", ".metadata.creationTimestamp"),
        ),
    )

    metadata: ObjectMeta
    spec: RepositoryBindingSpec
    status: RepositoryBindingStatus = RepositoryBindingStatus()
