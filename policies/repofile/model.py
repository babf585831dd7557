# SPDX-License-Identifier: Apache-2.0
"""`.fairway.yaml`, version 1: what a repository says of instances, environments, orders and pull requests.

It may narrow what the administrator's RepositoryBinding grants and never widen it. Every key that it may have
is here.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator
from pydantic.alias_generators import to_camel

from policies.repofile.texts import (
    Cluster,
    Duration,
    Environment,
    Login,
    Namespace,
    Switch,
    Team,
    TimeOfDay,
    Verb,
    Version,
    Zone,
)

NAME = ".fairway.yaml"
_MOST = 100  # entries of a list or mapping


class Part(BaseModel):
    """A mapping of the file: unknown keys are errors, and nothing is converted."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, strict=True, protected_namespaces=()
    )


class Deciders(Part):
    """Who decides; a person is among them by any of the four.

    Without approvals one of them gives the order; with approvals so many of them approve, and whoever has the
    right anyway may give it.
    """

    roles: list[Literal["read", "triage", "write", "maintain", "admin"]] = Field(
        [],
        min_length=1,
        max_length=5,
        description="Everybody with one of these roles in the repository, or a higher one.",
    )
    users: list[Login] = Field([], min_length=1, max_length=_MOST, description="These users, by login.")
    teams: list[Team] = Field(
        [],
        min_length=1,
        max_length=_MOST,
        description="The members of these teams, as organization/team.",
    )
    codeowners: Switch = Field(False, description="The owners of every changed file, by CODEOWNERS.")
    approvals: int = Field(
        0,
        ge=0,
        le=6,
        description="How many of them have to approve the head of the pull request. With 0, one of them gives"
        " the order.",
    )

    @property
    def named(self) -> bool:
        """Tell whether anybody is named at all."""
        return bool(self.roles or self.users or self.teams or self.codeowners)


class Switched(Deciders):
    """A rule in whose place `off` may stand, and `on`."""

    _off: bool = False

    @model_validator(mode="wrap")
    @classmethod
    def _switch(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if value is False or value == "off":
            rule = handler({})
            rule._off = True
            return rule
        return handler({} if value is True or value == "on" else value)

    @property
    def off(self) -> bool:
        """Tell whether nobody fulfils it."""
        return self._off


class EnvironmentOrder(Switched):
    """Who decides on this order for this environment; `off`: nobody."""


class Order(Switched):
    """Who decides on this order; `off`: nobody. The role that it needs anyway is needed still."""

    environments: dict[Environment, EnvironmentOrder] = Field(
        {},
        max_length=_MOST,
        description="Rules for single environments, which take the place of this one.",
    )


class Instance(Part):
    """A Fairway that serves the repository, one for each cluster."""

    home: Switch = Field(
        False, description="Whether this one answers /help, /status and mistakes; exactly one does."
    )
    environments: list[Environment] = Field(
        [], max_length=_MOST, description="The environments that are on this cluster."
    )


class EnvironmentRule(Deciders):
    """An environment that the binding declares, narrowed, and who decides on releases into it."""

    namespaces: list[Namespace] = Field(
        [],
        min_length=1,
        max_length=_MOST,
        description="The namespaces it has; some of those the binding gives it.",
    )
    protected: Switch = Field(
        False,
        description="Whether releases into it name their commit and need somebody who has no part in the"
        " change. What the binding protects stays protected.",
    )
    self_approval: Switch = Field(
        False,
        description="Whether the approval of whoever wrote, pushed or ordered the change counts. Never where"
        " the environment is protected.",
    )


class Statuses(Part):
    """Commit statuses."""

    per_object: Switch = Field(
        False, description="Whether each object has a status of its own besides that of the cluster."
    )


class Window(Part):
    """A time in which pull requests are opened."""

    days: list[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]] = Field(
        [], min_length=1, max_length=7, description="Its days; all by default."
    )
    from_: TimeOfDay = Field(alias="from", description="When it begins.")
    to: TimeOfDay = Field(description="When it ends.")
    time_zone: Zone = Field("UTC", description="The time zone of both.")


class Images(Part):
    """Pull requests for new images."""

    group: Literal["policy", "application", "all"] = Field(
        "policy", description="What shares a pull request."
    )
    limit: int = Field(5, ge=1, le=100, description="How many may be open at once.")
    per_hour: int = Field(5, ge=1, le=100, description="How many are opened in an hour at most.")
    minimum_age: Duration = Field("0s", description="How old an image has to be.")
    schedule: list[Window] = Field(
        [], min_length=1, max_length=20, description="When they are opened; always by default."
    )
    auto_merge: list[Literal["patch", "minor", "digest"]] = Field(
        [],
        max_length=3,
        description="Which updates are merged by themselves, under the rules for merging; none by default.",
    )


class PullRequests(Part):
    """What Fairway does in pull requests."""

    comment: Switch = Field(True, description="Whether a pull request gets its comment.")
    checks: Switch = Field(True, description="Whether commits get a check run with the report.")
    deployments: Switch = Field(True, description="Whether environments get GitHub Deployments.")
    statuses: Statuses = Field(Statuses(), description="Commit statuses.")
    images: Images = Field(
        Images(),
        description="How new images become pull requests; that it is there has every automation of the"
        " repository propose them.",
    )


class RepositoryFile(Part):
    """The configuration of Fairway for one repository, read from its default branch."""

    version: Version = Field(description="The version of this format.")
    instances: dict[Cluster, Instance] = Field(
        {},
        min_length=1,
        max_length=20,
        description="The Fairways that serve the repository, by FAIRWAY_CLUSTER. Without, there is one.",
    )
    environments: dict[Environment, EnvironmentRule] = Field(
        {}, max_length=_MOST, description="The environments, by name."
    )
    orders: dict[Verb, Order] = Field({}, description="Who decides on which order, by the order's name.")
    pull_requests: PullRequests = Field(PullRequests(), description="What Fairway does in pull requests.")
