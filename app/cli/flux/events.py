# SPDX-License-Identifier: Apache-2.0
"""`fairway events`: what happened to the objects that Fairway reconciles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import click

from app.cli.flux.target import KINDS, Target, cluster_options
from app.cli.flux.terminal import failure, table, truncated
from policies.clock import parse
from policies.objects import Object

_HEADER = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
_SHORT = {"ks": "Kustomization", "gitrepo": "GitRepository"}
_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


@click.command()
@click.option("--for", "about", default="", help="Only those of one object: Kind/name.")
@click.option("--types", default="", help="Only these types, separated by commas: Normal, Warning.")
@click.option("--all-namespaces", "-A", "everywhere", is_flag=True, help="Those of every namespace.")
@click.option("--no-header", is_flag=True, help="Leave the header out.")
@click.option("--watch", "-w", "follow", is_flag=True, help="Go on showing what happens.")
@cluster_options
def events(about: str, types: str, everywhere: bool, no_header: bool, follow: bool, target: Target) -> None:
    """Show the events of sources, Kustomizations, images and Receivers.

    The newest comes last.

    \b
    fairway events -A --types Warning
    fairway events --for Kustomization/web -n apps
    """
    wanted = _selector(about, types)
    resource = target.client.discovery.resource("", "v1", "Event")
    namespace = "" if everywhere else target.namespace
    found, version = target.client.list(resource, namespace=namespace)
    shown = [event for event in found if wanted(event)]
    if not shown and not follow:
        where = "in any namespace" if everywhere else f'in "{target.namespace}" namespace'
        raise failure(f"no events found {where}")
    rows = [_row(event, everywhere=everywhere) for event in sorted(shown, key=_seen)]
    header = ("NAMESPACE", *_HEADER) if everywhere else _HEADER
    if shown or not no_header:
        click.echo(table(header, rows, with_header=not no_header))
    while follow:
        with target.client.watch(resource, resource_version=version, namespace=namespace) as happening:
            for one in happening:
                if one.type in ("ADDED", "MODIFIED") and wanted(one.object):
                    row = _row(one.object, everywhere=everywhere)
                    click.echo(table(row, [row], with_header=False))
        _, version = target.client.list(resource, namespace=namespace)


def _selector(about: str, types: str) -> Callable[[Object], bool]:
    kind, _, name = about.partition("/")
    kind = _SHORT.get(kind.casefold(), kind).casefold()
    chosen = {one.strip().casefold() for one in types.split(",") if one.strip()}

    def wanted(event: Object) -> bool:
        involved = event["involvedObject"]
        return (
            involved.get("kind") in KINDS
            and (not kind or involved["kind"].casefold() == kind)
            and (not name or involved["name"] == name)
            and (not chosen or event["type"].casefold() in chosen)
        )

    return wanted


def _seen(event: Object) -> datetime:
    text = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    return parse(text)


def _row(event: Object, *, everywhere: bool) -> list[str]:
    about = event["involvedObject"]
    return [
        *([event["metadata"]["namespace"]] if everywhere else []),
        _age((datetime.now(UTC) - _seen(event)).total_seconds()),
        event["type"],
        event["reason"],
        f"{about['kind']}/{about['name']}",
        truncated(event["message"]),
    ]


def _age(seconds: float) -> str:
    for unit, size in _UNITS:
        if seconds >= size * 2:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
