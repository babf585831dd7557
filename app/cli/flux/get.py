# SPDX-License-Identifier: Apache-2.0
"""`fairway get`: the objects and how they are doing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

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
)
from app.cli.flux.terminal import document, failure, table, truncated
from policies import conditions
from policies.objects import Object

F = TypeVar("F", bound=Callable[..., Any])
_HEADER = ("NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE")
_HEADERS = {
    REPOSITORY: ("NAME", "LAST SCAN", "SUSPENDED", "READY", "MESSAGE"),
    AUTOMATION: ("NAME", "LAST RUN", "SUSPENDED", "READY", "MESSAGE"),
    POLICY: ("NAME", "IMAGE", "TAG", "READY", "MESSAGE"),
    RECEIVER: ("NAME", "SUSPENDED", "READY", "MESSAGE"),
}


@click.group(cls=Aliased)
def get() -> None:
    """Show objects and their status.

    \b
    fairway get kustomizations            those of flux-system
    fairway get ks -A --status-selector ready=false
    fairway get sources git web -o yaml
    fairway get images policy
    fairway get all -n apps
    """


def _options(command: F) -> F:
    @cluster_options
    @click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="Those of every namespace.")
    @click.option("--label-selector", "-l", default="", help="Only those with these labels.")
    @click.option("--status-selector", default="", help="Only those with a condition, such as ready=false.")
    @click.option("--no-header", is_flag=True, help="Leave the header out.")
    @click.option("--watch", "-w", "follow", is_flag=True, help="Go on showing what changes.")
    @click.option("--output", "-o", type=click.Choice(["json", "yaml"]), help="Print the whole objects.")
    @functools.wraps(command)
    def wrapped(*args: Any, **more: Any) -> Any:
        return command(*args, **more)

    return wrapped  # type: ignore[return-value]


@get.command("kustomization")
@click.argument("name", required=False)
@_options
def kustomization(name: str | None, target: Target, **options: Any) -> None:
    """Show Kustomizations (also: ks, kustomizations)."""
    _show([KUSTOMIZATION], name, target, **options)


@get.group("source", cls=Aliased)
def source() -> None:
    """Show sources."""


@source.command("git")
@click.argument("name", required=False)
@_options
def git(name: str | None, target: Target, **options: Any) -> None:
    """Show GitRepositories."""
    _show([GIT], name, target, **options)


@source.command("all")
@_options
def all_sources(target: Target, **options: Any) -> None:
    """Show every source."""
    _show([GIT], None, target, **options)


@get.group("image", cls=Aliased)
def image() -> None:
    """Show scans of images, what policies choose, and what writes it (also: images)."""


@image.command("repository")
@click.argument("name", required=False)
@_options
def repository(name: str | None, target: Target, **options: Any) -> None:
    """Show ImageRepositories."""
    _show([REPOSITORY], name, target, **options)


@image.command("policy")
@click.argument("name", required=False)
@_options
def policy(name: str | None, target: Target, **options: Any) -> None:
    """Show ImagePolicies."""
    _show([POLICY], name, target, **options)


@image.command("update")
@click.argument("name", required=False)
@_options
def update(name: str | None, target: Target, **options: Any) -> None:
    """Show ImageUpdateAutomations."""
    _show([AUTOMATION], name, target, **options)


@image.command("all")
@_options
def all_images(target: Target, **options: Any) -> None:
    """Show ImageRepositories, ImagePolicies and ImageUpdateAutomations."""
    _show([REPOSITORY, POLICY, AUTOMATION], None, target, **options)


@get.command("receiver")
@click.argument("name", required=False)
@_options
def receiver(name: str | None, target: Target, **options: Any) -> None:
    """Show Receivers (also: receivers)."""
    _show([RECEIVER], name, target, **options)


@get.command("all")
@_options
def everything(target: Target, **options: Any) -> None:
    """Show sources, Kustomizations, all that concerns images, and Receivers."""
    _show([GIT, KUSTOMIZATION, REPOSITORY, POLICY, AUTOMATION, RECEIVER], None, target, **options)


def _show(
    kinds: list[Kind],
    name: str | None,
    target: Target,
    *,
    everywhere: bool,
    label_selector: str,
    status_selector: str,
    no_header: bool,
    follow: bool,
    output: str | None,
) -> None:
    wanted = _selector(status_selector)
    if follow and len(kinds) > 1:
        raise click.UsageError("--watch follows one kind at a time")
    # Noted before the table is made, so that nothing falls between the two.
    version = _version(kinds[0], target, everywhere=everywhere) if follow else ""
    found: dict[Kind, list[Object]] = {}
    for kind in kinds:
        objects = (
            [target.get(kind, name)]
            if name and not everywhere
            else target.all(kind, everywhere=everywhere, labels=label_selector)
        )
        found[kind] = [o for o in objects if (not name or o["metadata"]["name"] == name) and wanted(o)]
    if output:
        _print_whole([obj for objects in found.values() for obj in objects], output, single=bool(name))
        return
    if not any(found.values()):
        where = "in any namespace" if everywhere else f'in "{target.namespace}" namespace'
        raise failure(f"no {' or '.join(kind.kind for kind in kinds)} objects found {where}")
    tables = []
    for kind, objects in found.items():
        columns = _HEADERS.get(kind, _HEADER)
        header = ("NAMESPACE", *columns) if everywhere else columns
        prefix = f"{kind.kind.lower()}/" if len(kinds) > 1 else ""
        rows = [_row(obj, prefix=prefix, everywhere=everywhere) for obj in objects]
        if rows:
            tables.append(table(header, rows, with_header=not no_header))
    click.echo("\n\n".join(tables))
    if follow:
        _follow(kinds[0], name, target, version, everywhere=everywhere, labels=label_selector, wanted=wanted)


def _version(kind: Kind, target: Target, *, everywhere: bool) -> str:
    resource = target.client.discovery.resource(kind.group, "v1", kind.kind)
    return target.client.list(resource, namespace="" if everywhere else target.namespace)[1]


def _follow(
    kind: Kind,
    name: str | None,
    target: Target,
    version: str,
    *,
    everywhere: bool,
    labels: str,
    wanted: Callable[[Object], bool],
) -> None:
    """Print a row whenever an object changes, until the user stops it."""
    resource = target.client.discovery.resource(kind.group, "v1", kind.kind)
    namespace = "" if everywhere else target.namespace
    while True:
        with target.client.watch(
            resource, resource_version=version, namespace=namespace, labels=labels
        ) as events:
            for event in events:
                obj = event.object
                if event.type not in ("ADDED", "MODIFIED") or not wanted(obj):
                    continue
                if not name or obj["metadata"]["name"] == name:
                    row = _row(obj, prefix="", everywhere=everywhere)
                    click.echo(table(row, [row], with_header=False))
        version = _version(kind, target, everywhere=everywhere)


def _print_whole(objects: list[Object], output: str, *, single: bool) -> None:
    if single and len(objects) == 1:
        click.echo(document(objects[0], output))
    else:
        click.echo(document({"apiVersion": "v1", "kind": "List", "items": objects}, output))


def _row(obj: Object, *, prefix: str, everywhere: bool) -> list[str]:
    metadata, status = obj["metadata"], obj.get("status") or {}
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    return [
        *([metadata["namespace"]] if everywhere else []),
        prefix + metadata["name"],
        *map(truncated, _told(obj, status)),
        ready.get("status", "Unknown"),
        truncated(ready.get("message", "waiting to be reconciled")),
    ]


def _told(obj: Object, status: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that are not the same for all kinds."""
    suspended = str(bool((obj.get("spec") or {}).get("suspend")))
    if obj["kind"] == "Receiver":
        return (suspended,)
    if obj["kind"] == "ImagePolicy":
        latest = status.get("latestRef") or {}
        return str(latest.get("name", "")), str(latest.get("tag", ""))
    if obj["kind"] == "ImageUpdateAutomation":
        return str(status.get("lastAutomationRunTime", "")), suspended
    if obj["kind"] == "ImageRepository":
        return str((status.get("lastScanResult") or {}).get("scanTime", "")), suspended
    revision = (status.get("artifact") or {}).get("revision", "") or status.get("lastAppliedRevision", "")
    return str(revision), suspended


def _selector(text: str) -> Callable[[Object], bool]:
    """Read `ready=false`: the condition's type and its status, in any case."""
    if not text:
        return lambda obj: True
    kind, found, status = text.partition("=")
    if not found or not kind or not status:
        raise click.UsageError(f"--status-selector {text}: write it as type=status, such as ready=false")

    def holds(obj: Object) -> bool:
        return any(
            c["type"].casefold() == kind.casefold() and c["status"].casefold() == status.casefold()
            for c in conditions.of(obj)
        )

    return holds
