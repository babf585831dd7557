# SPDX-License-Identifier: Apache-2.0
"""`fairway reconcile`: have an object worked on now, and wait until it is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from app.cli.flux.target import (
    AUTOMATION,
    GIT,
    KINDS,
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
from app.cli.flux.terminal import action, failure, success, truncated, waiting
from policies import conditions
from policies.clock import rfc3339_micro
from policies.dependencies import source_key
from policies.kustomization import REQUESTED_AT
from policies.objects import Object

_MANAGER = "flux-client-side-apply"  # a name that no controller takes fields away from
_LOOK_EVERY = 0.1  # seconds


@click.group(cls=Aliased)
def reconcile() -> None:
    """Reconcile an object now, and wait for the result.

    \b
    fairway reconcile kustomization web --with-source
    fairway reconcile source git fleet -n infra
    fairway reconcile image repository web
    """


@reconcile.command("kustomization")
@click.argument("name")
@click.option("--with-source", is_flag=True, help="Its source first.")
@timeout_option
@cluster_options
def kustomization(name: str, target: Target, with_source: bool, timeout: float) -> None:
    """Reconcile a Kustomization (also: ks)."""
    if with_source:
        kind, namespace, source = source_key(target.get(KUSTOMIZATION, name))
        if kind not in KINDS:
            raise failure(f"{kind}/{namespace}/{source}: this kind of source is not served yet")
        request(Target(target.kubeconfig, target.context, namespace), KINDS[kind], source, timeout)
    request(target, KUSTOMIZATION, name, timeout)


@reconcile.group("source", cls=Aliased)
def source() -> None:
    """Reconcile a source."""


@reconcile.group("image", cls=Aliased)
def image() -> None:
    """Reconcile a scan of an image, a policy, or an automation."""


def _command(group: click.Group, name: str, kind: Kind, said: str) -> None:
    """Add the command for a kind that takes nothing but a name to its group."""

    @group.command(name, help=said)
    @click.argument("name")
    @timeout_option
    @cluster_options
    def run(name: str, target: Target, timeout: float) -> None:
        request(target, kind, name, timeout)


_command(source, "git", GIT, "Reconcile a GitRepository.")
_command(image, "repository", REPOSITORY, "Scan an ImageRepository.")
_command(image, "policy", POLICY, "Have an ImagePolicy choose again.")
_command(image, "update", AUTOMATION, "Have an ImageUpdateAutomation write or propose what there is.")
_command(reconcile, "receiver", RECEIVER, "Have a Receiver read its Secret again (also: receivers).")


def request(target: Target, kind: Kind, name: str, timeout: float) -> None:
    """Ask for one run and wait for it; ends the command with status 1 when it fails."""
    obj = target.get(kind, name)
    if obj["spec"].get("suspend"):
        raise failure(f"resource is suspended: fairway resume {kind.words} {name} -n {target.namespace}")
    action(f"annotating {kind.kind} {name} in {target.namespace} namespace")
    token = rfc3339_micro(datetime.now(UTC))
    patch = {"metadata": {"annotations": {REQUESTED_AT: token}}}
    target.client.patch(kind.ref(target.namespace, name), patch, manager=_MANAGER)
    success(f"{kind.kind} annotated")
    await_ready(target, kind, name, timeout, token=token)


def await_ready(target: Target, kind: Kind, name: str, timeout: float, *, token: str = "") -> None:
    """Wait until a run is over, that of a request when a token is given, and say how it ended."""
    waiting(f"waiting for {kind.kind} reconciliation")
    deadline = time.monotonic() + timeout
    while True:
        obj = target.get(kind, name)
        status = obj.get("status") or {}
        ready = conditions.find(conditions.of(obj), conditions.READY) or {}
        handled = not token or status.get("lastHandledReconcileAt") == token
        current = ready.get("observedGeneration") == obj["metadata"]["generation"]
        if handled and current and ready.get("status") in ("True", "False"):
            break
        if time.monotonic() > deadline:
            raise failure(
                f"{kind.kind} reconciliation is not over yet: {ready.get('message') or 'no word of it'}"
            )
        time.sleep(_LOOK_EVERY)
    if ready["status"] == "False":
        raise failure(f"{kind.kind} reconciliation failed: '{truncated(ready['message'])}'")
    success(_outcome(kind, obj))


def _outcome(kind: Kind, obj: Object) -> str:
    status = obj["status"]
    if kind is RECEIVER:
        return f"{kind.kind} reconciliation completed"
    if kind is REPOSITORY:
        return f"scan fetched {status['lastScanResult']['tagCount']} tags"
    if kind is POLICY:
        latest = status["latestRef"]
        return f"selected ref {truncated(latest['name'] + ':' + latest['tag'])}"
    if kind is AUTOMATION:
        return truncated((conditions.find(conditions.of(obj), conditions.READY) or {}).get("message", ""))
    return f"{kind.fetched} revision {truncated(_revision(status))}"


def _revision(status: Mapping[str, Any]) -> str:
    return str((status.get("artifact") or {}).get("revision") or status.get("lastAppliedRevision", ""))
