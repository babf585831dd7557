# SPDX-License-Identifier: Apache-2.0
"""Order, fairway.dev/v1alpha1: what a person ordered in a pull request, and what became of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from policies.kinds.kind import Column, Definition, Kind
from policies.kinds.meta import Condition, Int64, Model, Time
from policies.kinds.repositorybinding import Repository

_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
Phase = Literal["pending", "standing", "done", "refused"]
Number = Annotated[Int64, Field(ge=1)]
# The bounds are also what the API server estimates the cost of the CEL rule by.
Text = Annotated[str, Field(max_length=1024)]


class Target(Model):
    """An object of this cluster that an order concerns."""

    kind: str = Field(min_length=1, max_length=63, description="Its kind.")
    namespace: str = Field(min_length=1, max_length=63, pattern=_LABEL, description="Its namespace.")
    name: str = Field(min_length=1, max_length=253, description="Its name.")
    uid: str = Field(
        min_length=1, max_length=63, description="Its uid: another object of that name is not meant."
    )


class Actor(Model):
    """Whoever gave an order."""

    id: Number = Field(description="GitHub's number of the account, which decides.")
    login: str = Field(min_length=1, max_length=106, description="Its login, for people to read.")


class Comment(Model):
    """Where an order was written."""

    kind: Literal["comment", "review", "check"] = Field(
        description="Whether it stands in a comment or a review, or a check's button was pressed."
    )
    id: Number = Field(description="GitHub's number of the comment, review or check run.")
    line: Annotated[Int64, Field(ge=0, le=65_536)] = Field(
        description="Its line there, counted from 1; 0 for a button."
    )


class OrderSpec(Model):
    """What was ordered, by whom and where. It never changes."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                {"message": "an order does not change; give another one", "rule": "self == oldSelf"}
            ]
        }
    )

    verb: str = Field(
        min_length=1, max_length=32, pattern=r"^[a-z]+(-[a-z]+)*$", description="The order, such as lock."
    )
    target: Target | None = Field(None, description="The object it concerns, where it concerns just one.")
    environment: str | None = Field(
        None, min_length=1, max_length=63, pattern=_LABEL, description="The environment it concerns."
    )
    repository: Repository = Field(description="The repository it was given in.")
    pull_request: Number | None = Field(None, description="The pull request it was given in.")
    revision: Annotated[str, Field(max_length=512)] | None = Field(
        None, description="The revision it concerns, as a source's artifact names it."
    )
    head_sha: str | None = Field(
        None,
        alias="headSHA",
        max_length=64,
        pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$",
        description="The head of the pull request when the order was taken.",
    )
    actor: Actor = Field(description="Who gave it.")
    comment: Comment = Field(description="Where it was written.")
    arguments: dict[str, Text] | None = Field(
        None, max_length=16, description="Its arguments by name, as they were read."
    )
    reason: Text | None = Field(None, description="Why, in the words of whoever gave it.")
    expires_at: Time | None = Field(None, description="When it counts no longer.")


class OrderStatus(Model):
    """What became of an order."""

    conditions: list[Condition] | None = Field(None, description="How the order is doing.")
    message: Text | None = Field(None, description="What became of it, for a person.")
    observed_generation: Int64 | None = Field(None, description="The generation that was last looked at.")
    phase: Phase | None = Field(
        None,
        description="Whether it waits, stands until it is taken back, is done, or was refused.",
    )


class Order(Kind):
    """An order that a person gave in a pull request."""

    definition: ClassVar[Definition] = Definition(
        group="fairway.dev",
        version="v1alpha1",
        kind="Order",
        plural="orders",
        spec_required=True,
        categories=("fairway",),
        columns=(
            Column("Verb", "string", ".spec.verb"),
            Column("Environment", "string", ".spec.environment"),
            Column("Repository", "string", ".spec.repository.name"),
            Column("Pull", "integer", ".spec.pullRequest"),
            Column("Actor", "string", ".spec.actor.login"),
            Column("Phase", "string", ".status.phase"),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
    )

    spec: OrderSpec
    status: OrderStatus = OrderStatus()
