# SPDX-License-Identifier: Apache-2.0
"""`fairway trace`: from an object on the cluster to the commit that brought it."""

from __future__ import annotations

import click

from app.cli.flux.resources import find_kind
from app.cli.flux.target import KINDS, KUSTOMIZATION, Target, cluster_options
from app.cli.flux.terminal import clean, failure, truncated
from policies import conditions, history, ownership
from policies.dependencies import source_key
from policies.errors import FairwayError
from policies.objects import Object, ObjectRef

Lines = list[tuple[str, str]]


@click.command()
@click.argument("resource")
@click.argument("name", required=False)
@click.option("--kind", help="The kind, when only a name is given.")
@click.option("--api-version", default="", help="The API version, where the kind alone does not tell.")
@cluster_options
def trace(resource: str, name: str | None, kind: str | None, api_version: str, target: Target) -> None:
    """Show which Kustomization, source and commit an object comes from.

    \b
    fairway trace deployment web -n apps
    fairway trace Deployment/web -n apps
    fairway trace web --kind Deployment --api-version apps/v1 -n apps
    """
    word, found, rest = resource.partition("/")
    if kind:
        word, name = kind, resource
    elif found:
        word, name = word, rest
    if not name:
        raise click.UsageError("name the object: KIND NAME, KIND/NAME, or NAME with --kind")
    live = _live(target, word, api_version, name)
    blocks = [_object(live)]
    owner = ownership.owner_of(live)
    if owner is None:
        click.echo(_written([*blocks[:1]]))
        raise failure(f"{ObjectRef.of(live)} is not managed: it carries no labels of a Kustomization")
    applied = target.client.find(KUSTOMIZATION.ref(*owner))
    if applied is None:
        raise failure(f"its labels name Kustomization/{owner[0]}/{owner[1]}, which is not there")
    blocks.append(_kustomization(applied))
    source_kind, namespace, source_name = source_key(applied)
    source = (
        target.client.find(KINDS[source_kind].ref(namespace, source_name)) if source_kind in KINDS else None
    )
    if source is not None:
        blocks.append(_source(source))
    click.echo(_written(blocks))


def _live(target: Target, word: str, api_version: str, name: str) -> Object:
    resource = find_kind(target.client, word, api_version)
    namespace = target.namespace if resource.namespaced else ""
    ref = ObjectRef(resource.group, resource.version, resource.kind, namespace, name)
    live = target.client.find(ref)
    if live is None:
        raise FairwayError(f"{ref} not found", remedy="-n names another namespace")
    return live


def _object(live: Object) -> Lines:
    metadata = live["metadata"]
    managed = "Managed by Flux" if ownership.owner_of(live) else "Unmanaged"
    return [
        ("Object", f"{live['kind']}/{metadata['name']}"),
        *([("Namespace", metadata["namespace"])] if metadata.get("namespace") else []),
        ("Status", managed),
    ]


def _kustomization(obj: Object) -> Lines:
    return [
        ("Kustomization", obj["metadata"]["name"]),
        ("Namespace", obj["metadata"]["namespace"]),
        ("Path", obj["spec"].get("path", "./")),
        ("Revision", (obj.get("status") or {}).get("lastAppliedRevision", "")),
        *_build(obj),
        *_status(obj),
    ]


def _build(obj: Object) -> Lines:
    """Say whether the last revision made it render anew, and why; nothing of what Flux ran."""
    status = obj.get("status") or {}
    told = history.built(status.get("history") or [], status.get("lastAppliedRevision", ""))
    return [("Build", told)] if told else []


def _source(obj: Object) -> Lines:
    spec, reference = obj["spec"], obj["spec"].get("ref") or {}
    which = next(
        (
            (key, reference[key])
            for key in ("commit", "name", "tag", "semver", "branch")
            if reference.get(key)
        ),
        ("branch", "master"),
    )
    return [
        (obj["kind"], obj["metadata"]["name"]),
        ("Namespace", obj["metadata"]["namespace"]),
        ("URL", spec["url"]),
        (which[0].capitalize(), which[1]),
        ("Revision", ((obj.get("status") or {}).get("artifact") or {}).get("revision", "")),
        *_status(obj),
    ]


def _status(obj: Object) -> Lines:
    ready = conditions.find(conditions.of(obj), conditions.READY) or {}
    if obj["spec"].get("suspend"):
        return [("Status", "Suspended")]
    if not ready:
        return [("Status", "Unknown")]
    verb = (
        "reconciled" if ready["status"] == "True" else "failed" if ready["status"] == "False" else "changed"
    )
    return [
        ("Status", f"Last {verb} at {ready['lastTransitionTime']}"),
        ("Message", truncated(ready.get("message", ""))),
    ]


def _written(blocks: list[Lines]) -> str:
    width = max(len(label) for block in blocks for label, _ in block) + 2
    return "\n---\n".join(
        "\n".join(f"{label + ':':<{width}}{clean(text)}" for label, text in block) for block in blocks
    )
