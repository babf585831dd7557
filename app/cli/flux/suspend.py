# SPDX-License-Identifier: Apache-2.0
"""`fairway suspend` and `fairway resume`: leave objects alone, and take them up again."""

from __future__ import annotations

import click

from app.cli.flux.reconcile import await_ready
from app.cli.flux.target import (
    AUTOMATION,
    GIT,
    KUSTOMIZATION,
    POLICY,
    RECEIVER,
    REPOSITORY,
    Aliased,
    Kind,
    Target,
    cluster_options,
    timeout_option,
)
from app.cli.flux.terminal import action, failure, success

_MANAGER = "flux-client-side-apply"
_names = click.argument("names", nargs=-1)
_all = click.option("--all", "everything", is_flag=True, help="All of the namespace.")
_wait = click.option("--wait", is_flag=True, help="Wait until each is ready.")


@click.group(cls=Aliased)
def suspend() -> None:
    """Leave objects alone until they are resumed.

    \b
    fairway suspend kustomization web
    fairway suspend source git --all -n infra
    fairway suspend image repository web
    """


@click.group(cls=Aliased)
def resume() -> None:
    """Take suspended objects up again.

    \b
    fairway resume kustomization web --wait
    fairway resume source git --all -n infra
    """


def _commands(name: str, kind: Kind, suspending: click.Group, resuming: click.Group) -> None:
    """Add the two commands for a kind to their groups."""
    plural = "ImagePolicies" if kind is POLICY else kind.kind.replace("Repository", "Repositorie") + "s"
    also = " (also: ks)" if kind is KUSTOMIZATION else ""

    @suspending.command(name, help=f"Suspend {plural}{also}.")
    @_names
    @_all
    @cluster_options
    def suspend_them(names: tuple[str, ...], everything: bool, target: Target) -> None:
        _suspend(kind, names, everything, target)

    @resuming.command(name, help=f"Resume {plural}{also}.")
    @_names
    @_all
    @_wait
    @timeout_option
    @cluster_options
    def resume_them(
        names: tuple[str, ...], everything: bool, wait: bool, timeout: float, target: Target
    ) -> None:
        _resume(kind, names, everything, wait, timeout, target)


def _groups(name: str, what: str) -> tuple[click.Group, click.Group]:
    """Add a group of kinds to both."""
    made = Aliased(name, help=f"Suspend {what}."), Aliased(name, help=f"Resume {what}.")
    suspend.add_command(made[0])
    resume.add_command(made[1])
    return made


_commands("kustomization", KUSTOMIZATION, suspend, resume)
_commands("git", GIT, *_groups("source", "sources"))
_image = _groups("image", "scans of images, policies, and automations")
_commands("repository", REPOSITORY, *_image)
_commands("policy", POLICY, *_image)
_commands("update", AUTOMATION, *_image)
_commands("receiver", RECEIVER, suspend, resume)


def _suspend(kind: Kind, names: tuple[str, ...], everything: bool, target: Target) -> None:
    for name in _named(kind, names, everything, target):
        action(f"suspending {kind.words} {name} in {target.namespace} namespace")
        _set(kind, name, target, suspend=True)
        success(f"{kind.words} suspended")


def _resume(
    kind: Kind, names: tuple[str, ...], everything: bool, wait: bool, timeout: float, target: Target
) -> None:
    found = _named(kind, names, everything, target)
    for name in found:
        action(f"resuming {kind.words} {name} in {target.namespace} namespace")
        _set(kind, name, target, suspend=False)
        success(f"{kind.words} resumed")
    for name in found if wait else ():
        await_ready(target, kind, name, timeout)


def _named(kind: Kind, names: tuple[str, ...], everything: bool, target: Target) -> list[str]:
    if bool(names) == everything:
        raise click.UsageError(f"name the {kind.words}s, or give --all")
    if names:
        return [str(target.get(kind, name)["metadata"]["name"]) for name in names]
    found = [str(obj["metadata"]["name"]) for obj in target.all(kind)]
    if not found:
        raise failure(f'no {kind.kind} objects found in "{target.namespace}" namespace')
    return found


def _set(kind: Kind, name: str, target: Target, *, suspend: bool) -> None:
    patch = {"spec": {"suspend": suspend}}
    target.client.patch(kind.ref(target.namespace, name), patch, manager=_MANAGER)
