# SPDX-License-Identifier: Apache-2.0
"""Chapter 2: a pull request comes true after its merge, takes orders, and is taken back."""

from __future__ import annotations

from rich.markup import escape

from app.cli.demo import fleet
from app.cli.demo.conversation import Conversation
from app.cli.demo.stage import Stage
from app.cli.demo.timeline import StoryFailed, Timeline
from policies.objects import ObjectRef
from sandbox.forge.admin import Repository

_NAMESPACE, _APPS, _ENVIRONMENT = "shop", ("web", "api"), "staging"
_BEFORE, _AFTER = "6.9.0", "6.9.1"
_FILE = f"""version: 1
environments:
  {_ENVIRONMENT}: {{namespaces: [{_NAMESPACE}]}}
"""
_BRANCH = f"release-{_AFTER}"


def play(stage: Stage) -> None:
    """Tell the chapter; raises StoryFailed."""
    repo = _stage(stage)
    timeline = Timeline(stage.console, stage.forge, repo, stage.cluster)
    try:
        pull = _opens(stage, timeline, repo)
        _is_merged(stage, pull)
        _is_refused(stage, pull)
        _is_helped(stage, pull)
        _goes_back(stage, pull)
    finally:
        timeline.close()


def _stage(stage: Stage) -> Repository:
    """Set up what runs already: two apps, an environment, alice who may write and bob who may read."""
    files = {"README.md": "# shop\n", ".fairway.yaml": _FILE, **_apps(_BEFORE)}
    repo = stage.forge.create_repository("acme", "shop", files=files)
    stage.forge.allow(repo, "alice", "write")
    stage.forge.allow(repo, "bob", "read")
    stage.forge.install(stage.forge.app("fairway"), "acme")
    fleet.follow(stage, repo, _NAMESPACE, _APPS, waiting=_APPS)
    fleet.settled(stage, _NAMESPACE, _APPS, ready=True)
    for name in _APPS:
        fleet.until(stage, _deployment(name), lambda obj: bool(obj["status"].get("availableReplicas")))
    return repo


def _opens(stage: Stage, timeline: Timeline, repo: Repository) -> Conversation:
    _title(stage, "2  A pull request comes true")
    forge = stage.forge
    sha = forge.commit(repo, _apps(_AFTER), f"Release {_AFTER}", branch=_BRANCH)
    number = timeline.act(
        lambda: int(forge.open_pull_request(repo, _BRANCH, f"Release {_AFTER}")["number"]),
        lambda number: f"#{number} opened by alice: Release {_AFTER}",
        "pull request",
    )
    pull = Conversation(stage, timeline, repo, number)
    timeline.until_final(sha, state="success", saying=["before the merge"])
    _where(stage, pull.address)
    return pull


def _is_merged(stage: Stage, pull: Conversation) -> None:
    sha = pull.merged("alice")
    pull.until_comment("applied and healthy")
    pull.until_status(sha, "success")
    _runs(stage, _AFTER)
    _where(stage, pull.address)


def _is_refused(stage: Stage, pull: Conversation) -> None:
    _title(stage, "   An order by somebody who may not give it")
    order = f"/rollback {_ENVIRONMENT}"
    pull.until_reaction(pull.ordered(order, "bob", "read"), "confused")
    pull.until_comment(order, "was not carried out", "role write", "bob has read")


def _is_helped(stage: Stage, pull: Conversation) -> None:
    _title(stage, "   What can be ordered")
    pull.until_reaction(pull.ordered("/help", "alice", "write"), "rocket")
    pull.until_comment("Orders", "/rollback")


def _goes_back(stage: Stage, pull: Conversation) -> None:
    _title(stage, "   The way back")
    given = pull.ordered(f"/rollback {_ENVIRONMENT}", "alice", "write")
    back = pull.until_opened()
    pull.until_reaction(given, "rocket")
    _where(stage, back.address)
    sha = back.merged("alice")
    back.until_comment("applied and healthy")
    back.until_status(sha, "success")
    _runs(stage, _BEFORE)
    _where(stage, back.address)


def _runs(stage: Stage, version: str) -> None:
    """Make sure that the cluster has what the pull request says; raises StoryFailed."""
    for name in _APPS:
        found = stage.cluster.get(_deployment(name))
        image = found["spec"]["template"]["spec"]["containers"][0]["image"]
        if not image.endswith(f":{version}"):
            raise StoryFailed(f"Deployment {_NAMESPACE}/{name} runs {image}, {version} was to run")
    stage.console.print(f"             [dim]the cluster runs {version}[/dim]")


def _deployment(name: str) -> ObjectRef:
    return ObjectRef("apps", "v1", "Deployment", _NAMESPACE, name)


def _apps(version: str) -> dict[str, str]:
    # One of them takes its time, so that one can see the comment come true.
    return {
        **fleet.app("web", 2, version=version),
        **fleet.app("api", 1, version=version, settles=5),
    }


def _title(stage: Stage, text: str) -> None:
    stage.console.print(f"\n[bold]{text}[/bold]")


def _where(stage: Stage, address: str) -> None:
    stage.console.print(f"             [dim]{escape(address)}[/dim]", soft_wrap=True)
