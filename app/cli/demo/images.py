# SPDX-License-Identifier: Apache-2.0
"""Chapter 3: a new image is proposed, overtaken by a newer one, merged and running; another is declined."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from app.cli.demo import fleet
from app.cli.demo.conversation import Conversation, opened
from app.cli.demo.stage import Stage
from app.cli.demo.timeline import IMAGES, StoryFailed, Timeline
from policies.images.switch import ANNOTATION
from policies.objects import Object, ObjectRef
from sandbox.forge.admin import Repository

_NAMESPACE, _APP, _IMAGE = "store", "web", "acme/web"
_BEFORE, _PATCH, _NEWER, _MAJOR, _LATER = "6.9.0", "6.9.1", "6.9.2", "7.0.0", "7.0.1"
_GROUP = "image.toolkit.fluxcd.io/v1"
_NOTES = """## What is new

- Sessions survive a restart (#12), thanks @octocat
- `GREETING` may be empty
"""


def play(stage: Stage) -> None:
    """Tell the chapter; raises StoryFailed."""
    repo = _stage(stage)
    timeline = Timeline(stage.console, stage.forge, repo, stage.cluster, more=IMAGES)
    try:
        pull = _is_proposed(stage, timeline, repo)
        _is_overtaken(stage, timeline, pull)
        _is_merged(stage, pull)
        _is_declined(stage, timeline, repo)
    finally:
        timeline.close()
        stage.registry.notify([])


def _stage(stage: Stage) -> Repository:
    """Set up what runs already: an app, what looks for its images, and the registry's webhook."""
    repo = stage.forge.create_repository("acme", "store", files={"README.md": "# store\n", **_app(stage)})
    stage.forge.allow(repo, "alice", "write")
    stage.forge.install(stage.forge.app("fairway"), "acme")
    source = stage.forge.create_repository("acme", "web", files={"README.md": "# web\n"})
    stage.forge.allow(source, "alice", "write")
    for version in (_PATCH, _NEWER, _MAJOR):
        stage.forge.publish_release(source, f"v{version}", _NOTES)
    _released(stage, _BEFORE)
    fleet.follow(stage, repo, _NAMESPACE, [_APP], waiting=[_APP])
    _look_for_images(stage, repo)
    fleet.settled(stage, _NAMESPACE, [_APP], ready=True)
    fleet.until(stage, _ref("ImageUpdateAutomation"), lambda obj: bool(_status(obj).get("observedPolicies")))
    receiver = ObjectRef("notification.toolkit.fluxcd.io", "v1", "Receiver", _NAMESPACE, "registry")
    fleet.until(stage, receiver, lambda obj: bool(_status(obj).get("webhookPath")))
    path = _status(stage.cluster.get(receiver))["webhookPath"]
    stage.registry.notify([f"{stage.front_door}{path}"])
    return repo


def _look_for_images(stage: Stage, repo: Repository) -> None:
    """Create what Flux has for it, and the one annotation that makes pull requests of it."""
    image = f"{stage.registry.host}/{_IMAGE}"
    _create(stage, _GROUP, "ImageRepository", _APP, {"image": image, "interval": "12h"})
    policy = {"imageRepositoryRef": {"name": _APP}, "policy": {"semver": {"range": ">=6.9.0"}}}
    _create(stage, _GROUP, "ImagePolicy", _APP, policy)
    automation = {
        "interval": "12h",
        "sourceRef": {"kind": "GitRepository", "name": repo.name},
        "git": {"commit": {"author": {"name": "fairway", "email": "fairway@example.com"}}},
        "update": {"path": "./apps"},
    }
    annotations = {ANNOTATION: "enabled"}
    _create(stage, _GROUP, "ImageUpdateAutomation", _APP, automation, annotations=annotations)
    token = base64.b64encode(b"correct horse battery staple").decode()
    metadata = {"name": "registry", "namespace": _NAMESPACE}
    stage.cluster.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"token": token}}
    )
    receiver = {
        "type": "generic",
        "secretRef": {"name": "registry"},
        "resources": [{"kind": "ImageRepository", "name": _APP}],
    }
    _create(stage, "notification.toolkit.fluxcd.io/v1", "Receiver", "registry", receiver)


def _is_proposed(stage: Stage, timeline: Timeline, repo: Repository) -> Conversation:
    _title(stage, "3  A new image arrives as a pull request")
    _push(stage, timeline, _PATCH)
    pull = opened(stage, timeline, repo)
    timeline.expect("ImageRepository scanned:", "ImagePolicy chooses")
    _where(stage, pull.address)
    return pull


def _is_overtaken(stage: Stage, timeline: Timeline, pull: Conversation) -> None:
    _title(stage, "   A newer one takes its place")
    _push(stage, timeline, _NEWER)
    pull.until_renewed(f"{_BEFORE} → {_NEWER}")


def _is_merged(stage: Stage, pull: Conversation) -> None:
    _title(stage, "   Merged, and running")
    sha = pull.merged("alice")
    pull.until_comment("applied and healthy", f"{_IMAGE}:{_NEWER}")
    pull.until_status(sha, "success")
    _runs(stage, _NEWER)
    _where(stage, pull.address)


def _is_declined(stage: Stage, timeline: Timeline, repo: Repository) -> None:
    _title(stage, "   One that nobody wants")
    _push(stage, timeline, _MAJOR)
    pull = opened(stage, timeline, repo)
    given = pull.ordered("/ignore major", "alice", "write")
    pull.until_closed()
    pull.until_reaction(given, "rocket")
    _push(stage, timeline, _LATER)
    fleet.until(stage, _ref("ImageUpdateAutomation"), _holds_what_is_declined)
    timeline.tell(f"ImageUpdateAutomation {_NAMESPACE}/{_APP} holds {_LATER}: it was declined", "held")
    if stage.forge.pull_requests(repo):
        raise StoryFailed(f"{_LATER} was proposed, although every version 7 was declined")
    _where(stage, pull.address)


def _holds_what_is_declined(automation: Object) -> bool:
    status = _status(automation)
    observed = (status.get("observedPolicies") or {}).get(_APP) or {}
    said = " ".join(str(one.get("message", "")) for one in status.get("conditions") or ())
    return observed.get("tag") == _LATER and "declined" in said


def _push(stage: Stage, timeline: Timeline, version: str) -> None:
    """Push an image and start the clock: what is seen then began with the registry's webhook."""
    where = f"{stage.registry.host}/{_IMAGE}:{version}"
    timeline.act(lambda: _released(stage, version), lambda _: f"push {where} by a pipeline", "push")


def _released(stage: Stage, version: str) -> None:
    source = f"{stage.forge.url}/acme/web"
    stage.registry.push(_IMAGE, version, source=source, version=version)


def _runs(stage: Stage, version: str) -> None:
    """Make sure that pods of the cluster have what the pull request says; raises StoryFailed."""
    pods = stage.cluster.list(stage.cluster.discovery.resource("", "v1", "Pod"), namespace=_NAMESPACE)[0]
    images = {
        one["spec"]["containers"][0]["image"]
        for one in pods
        if not one["metadata"].get("deletionTimestamp") and one["status"].get("phase") == "Running"
    }
    if images != {f"{stage.registry.host}/{_IMAGE}:{version}"}:
        raise StoryFailed(f"{_NAMESPACE}/{_APP} runs {', '.join(sorted(images))}; {version} was to run")
    stage.console.print(f"             [dim]the pods run {version}[/dim]")


def _create(
    stage: Stage,
    api_version: str,
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    *,
    annotations: dict[str, str] | None = None,
) -> None:
    metadata = {"name": name, "namespace": _NAMESPACE, "annotations": annotations or {}}
    stage.cluster.create({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})


def _app(stage: Stage) -> dict[str, str]:
    policy = f"{_NAMESPACE}:{_APP}"
    return fleet.app(_APP, 2, version=_BEFORE, registry=stage.registry.host, policy=policy)


def _ref(kind: str) -> ObjectRef:
    return ObjectRef("image.toolkit.fluxcd.io", "v1", kind, _NAMESPACE, _APP)


def _status(obj: Object) -> dict[str, Any]:
    return obj.get("status") or {}


def _title(stage: Stage, text: str) -> None:
    stage.console.print(f"\n[bold]{text}[/bold]")


def _where(stage: Stage, address: str) -> None:
    stage.console.print(f"             [dim]{escape(address)}[/dim]", soft_wrap=True)
