# SPDX-License-Identifier: Apache-2.0
"""Chapter 1: a push reaches the cluster, a mistake is caught, the fix goes through."""

from __future__ import annotations

from app.cli.demo import fleet
from app.cli.demo.stage import Stage
from app.cli.demo.timeline import Timeline

_NAMESPACE, _APPS = "apps", ("web", "api")


def play(stage: Stage) -> None:
    """Tell the chapter; raises StoryFailed."""
    console = stage.console
    repo = stage.forge.create_repository("acme", "fleet", files={"README.md": "# fleet\n"})
    stage.forge.install(stage.forge.app("fairway"), "acme")
    fleet.follow(stage, repo, _NAMESPACE, _APPS, waiting=["web"])
    fleet.settled(stage, _NAMESPACE, _APPS, ready=False)
    timeline = Timeline(console, stage.forge, repo, stage.cluster)
    try:
        console.print("\n[bold]1  A push reaches the cluster[/bold]")
        files = {**fleet.app("web", 2), **fleet.app("api", 1)}
        sha = timeline.push(
            lambda: stage.forge.commit(repo, files, "Add web and api", author="alice"),
            author="alice",
            message="Add web and api",
        )
        timeline.until_final(sha, state="success", saying=["healthy"])
        timeline.expect("GitRepository at", "Kustomization applied", "Deployment healthy", "status pending")
        _where(stage, repo.html_url, sha)

        console.print("\n[bold]   A push with a mistake[/bold]")
        wrong = files["apps/web/deployment.yaml"].replace("  replicas: 2", "   replicas: 3")
        sha = timeline.push(
            lambda: stage.forge.commit(
                repo, {"apps/web/deployment.yaml": wrong}, "Scale web to 3", author="bob"
            ),
            author="bob",
            message="Scale web to 3",
        )
        timeline.until_final(sha, state="failure", saying=["apps/web/deployment.yaml:"])
        _where(stage, repo.html_url, sha)

        console.print("\n[bold]   The fix[/bold]")
        right = files["apps/web/deployment.yaml"].replace("replicas: 2", "replicas: 3")
        sha = timeline.push(
            lambda: stage.forge.commit(
                repo, {"apps/web/deployment.yaml": right}, "Indent replicas", author="bob"
            ),
            author="bob",
            message="Indent replicas",
        )
        timeline.until_final(sha, state="success", saying=["healthy"])
        timeline.expect("Deployment healthy")
        _where(stage, repo.html_url, sha)
    finally:
        timeline.close()


def _where(stage: Stage, html_url: str, sha: str) -> None:
    repository = "/".join(html_url.rsplit("/", 2)[-2:])
    stage.console.print(
        f"             [dim]{html_url}/commit/{sha[:12]}   {stage.page}/{repository}/commit/{sha}[/dim]",
        soft_wrap=True,
    )
