# SPDX-License-Identifier: Apache-2.0
"""What these commands have in common: which cluster, which namespace, which kind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from policies.errors import FairwayError
from policies.kinds.meta import seconds
from policies.objects import Object, ObjectRef

if TYPE_CHECKING:
    from workers.cluster import Client

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind these commands are about; `words` as Flux's messages name it."""

    group: str
    kind: str
    words: str
    fetched: str  # what a success has done with its revision

    def ref(self, namespace: str, name: str) -> ObjectRef:
        return ObjectRef(self.group, "v1", self.kind, namespace, name)


KUSTOMIZATION = Kind("kustomize.toolkit.fluxcd.io", "Kustomization", "kustomization", "applied")
GIT = Kind("source.toolkit.fluxcd.io", "GitRepository", "source git", "fetched")
REPOSITORY = Kind("image.toolkit.fluxcd.io", "ImageRepository", "image repository", "")
POLICY = Kind("image.toolkit.fluxcd.io", "ImagePolicy", "image policy", "")
AUTOMATION = Kind("image.toolkit.fluxcd.io", "ImageUpdateAutomation", "image update", "")
RECEIVER = Kind("notification.toolkit.fluxcd.io", "Receiver", "receiver", "")
KINDS = {kind.kind: kind for kind in (KUSTOMIZATION, GIT, REPOSITORY, POLICY, AUTOMATION, RECEIVER)}


_ALIASES = {
    "ks": "kustomization",
    "kustomizations": "kustomization",
    "sources": "source",
    "images": "image",
    "repo": "repository",
    "receivers": "receiver",
}


class Aliased(click.Group):
    """A group whose commands answer to Flux's other names for them, too."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        known = super().get_command(ctx, cmd_name)
        return known or super().get_command(ctx, _ALIASES.get(cmd_name, cmd_name))


@dataclass(frozen=True)
class Target:
    """The cluster and the namespace that the user names."""

    kubeconfig: str | None
    context: str | None
    namespace: str

    @functools.cached_property
    def client(self) -> Client:
        from workers.cluster import connect

        return connect(kubeconfig=self.kubeconfig, context=self.context)

    def get(self, kind: Kind, name: str) -> Object:
        """Return an object; raises FairwayError with what to do when it is not there."""
        ref = kind.ref(self.namespace, name)
        found = self.client.find(ref)
        if found is None:
            raise FairwayError(f"{ref} not found", remedy="-n names another namespace")
        return found

    def all(self, kind: Kind, *, everywhere: bool = False, labels: str = "") -> list[Object]:
        """List a kind in the namespace, or in all of them."""
        resource = self.client.discovery.resource(kind.group, "v1", kind.kind)
        found, _ = self.client.list(resource, namespace="" if everywhere else self.namespace, labels=labels)
        return sorted(found, key=lambda obj: (obj["metadata"]["namespace"], obj["metadata"]["name"]))


def cluster_options(command: F) -> F:
    """Add --kubeconfig, --context and --namespace; the command gets a Target."""

    @click.option("--kubeconfig", help="The kubeconfig file.")
    @click.option("--context", help="The kubeconfig's context.")
    @click.option(
        "--namespace", "-n", default="flux-system", show_default=True, help="The namespace of the objects."
    )
    @functools.wraps(command)
    def wrapped(*args: Any, kubeconfig: str | None, context: str | None, namespace: str, **more: Any) -> Any:
        return command(*args, target=Target(kubeconfig, context, namespace), **more)

    return wrapped  # type: ignore[return-value]


class Timeout(click.ParamType):  # type: ignore[type-arg]
    """A duration as Go writes it, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return value if isinstance(value, float) else seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


timeout_option = click.option(
    "--timeout", type=Timeout(), default="5m", show_default=True, help="How long to wait."
)
