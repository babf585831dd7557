# SPDX-License-Identifier: Apache-2.0
"""The commands a user of `flux` knows, on a cluster that Fairway reconciles."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import TextIO, cast

import pytest
import yaml
from click.testing import CliRunner, Result

from app.cli import cli
from policies.objects import ObjectRef
from tests.fixtures.sops import SECRETS_ONLY, Vault
from tests.fixtures.world import Team, World, config_map, deployment, until

Run = Callable[..., Result]
KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization")


@pytest.fixture
def team(world: World) -> Team:
    team = world.team()
    team.sha = team.push({"app/web.yaml": deployment("web", replicas=0)})  # type: ignore[attr-defined]
    team.settled(team.sha)  # type: ignore[attr-defined]
    return team


@pytest.fixture
def run(world: World, team: Team) -> Run:
    """Run a command in the team's namespace."""

    def running(*arguments: str, namespace: str = "") -> Result:
        place = ["--kubeconfig", world.sandbox.kubeconfig, "-n", namespace or team.namespace]
        return CliRunner().invoke(cli, [*arguments, *place])

    return running


def lines(text: str) -> list[list[str]]:
    return [re.split(r"\s*\t", line) for line in text.rstrip().splitlines()]


def test_get_shows_tables_as_flux_does(run: Run, team: Team) -> None:
    short = f"main@sha1:{team.sha[:8]}"  # type: ignore[attr-defined]
    shown = run("get", "kustomizations")
    assert shown.exit_code == 0
    assert lines(shown.output) == [
        ["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"],
        ["app", short, "False", "True", f"Applied revision: {short}"],
    ]
    shown = run("get", "sources", "git", "src", "--no-header")
    assert lines(shown.output) == [["src", short, "False", "True", f"stored artifact for revision '{short}'"]]
    everywhere = lines(run("get", "ks", "-A").output)
    assert everywhere[0][0] == "NAMESPACE"
    assert [team.namespace, "app", short, "False", "True", f"Applied revision: {short}"] in everywhere
    both = run("get", "all").output
    assert "gitrepository/src" in both
    assert "kustomization/app" in both


def test_get_gives_whole_objects_to_programs(run: Run, team: Team) -> None:
    one = json.loads(run("get", "ks", "app", "-o", "json").output)
    assert one == team.applied()
    listed = yaml.safe_load(run("get", "ks", "-o", "yaml").output)
    assert (listed["kind"], [o["metadata"]["name"] for o in listed["items"]]) == ("List", ["app"])
    none = json.loads(run("get", "ks", "--status-selector", "ready=false", "-o", "json").output)
    assert none["items"] == []


def test_get_says_when_there_is_nothing(run: Run) -> None:
    shown = run("get", "ks", namespace="nowhere")
    assert (shown.exit_code, shown.output) == (1, '✗ no Kustomization objects found in "nowhere" namespace\n')
    missing = run("get", "ks", "gone")
    assert "Kustomization/" in str(missing.exception)
    assert "gone not found: -n names another namespace" in str(missing.exception)


def test_reconcile_waits_and_says_how_it_ended(run: Run, team: Team) -> None:
    done = run("reconcile", "ks", "app", "--with-source")
    short = f"main@sha1:{team.sha[:8]}"  # type: ignore[attr-defined]
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        f"► annotating GitRepository src in {team.namespace} namespace",
        "✔ GitRepository annotated",
        "◎ waiting for GitRepository reconciliation",
        f"✔ fetched revision {short}",
        f"► annotating Kustomization app in {team.namespace} namespace",
        "✔ Kustomization annotated",
        "◎ waiting for Kustomization reconciliation",
        f"✔ applied revision {short}",
    ]
    team.push({"app/web.yaml": "kind: [\n"})
    until(lambda: run("get", "ks", "--status-selector", "ready=false").exit_code == 0, what="a failure")
    failed = run("reconcile", "kustomization", "app")
    assert failed.exit_code == 1
    assert failed.output.splitlines()[-1].startswith(
        "✗ Kustomization reconciliation failed: 'kustomize build"
    )


def test_suspend_and_resume(run: Run, team: Team) -> None:
    suspended = run("suspend", "kustomization", "app")
    assert suspended.output.splitlines() == [
        f"► suspending kustomization app in {team.namespace} namespace",
        "✔ kustomization suspended",
    ]
    assert lines(run("get", "ks", "--no-header").output)[0][2] == "True"
    refused = run("reconcile", "ks", "app")
    assert refused.exit_code == 1
    assert refused.output.startswith("✗ resource is suspended: fairway resume kustomization app")
    resumed = run("resume", "ks", "--all", "--wait")
    assert resumed.exit_code == 0
    assert resumed.output.splitlines()[-1].startswith("✔ applied revision main@sha1:")
    assert run("suspend", "ks").exit_code == 2, "neither a name nor --all"
    assert run("suspend", "source", "git", "src").exit_code == 0
    assert run("resume", "source", "git", "src", "--wait").exit_code == 0


def test_tree_follows_what_is_applied(run: Run, team: Team) -> None:
    inner = f"""apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: inner}}
spec:
  interval: 10m
  path: ./inner
  prune: true
  targetNamespace: {team.namespace}
  sourceRef: {{kind: GitRepository, name: src}}
"""
    team.settled(team.push({"app/inner.yaml": inner, "inner/a.yaml": config_map("a")}))
    team.settled(team.push({"inner/b.yaml": config_map("b")}), "inner")
    shown = run("tree", "kustomization", "app")
    assert shown.output.splitlines() == [
        f"Kustomization/{team.namespace}/app",
        f"├── ConfigMap/{team.namespace}/first",
        f"├── Deployment/{team.namespace}/web",
        f"└── Kustomization/{team.namespace}/inner",
        f"    ├── ConfigMap/{team.namespace}/a",
        f"    └── ConfigMap/{team.namespace}/b",
    ]
    compact = json.loads(run("tree", "ks", "app", "--compact", "-o", "json").output)
    assert compact == {
        "resource": f"Kustomization/{team.namespace}/app",
        "resources": [{"resource": f"Kustomization/{team.namespace}/inner"}],
    }


def test_trace_leads_from_an_object_to_its_commit(run: Run, team: Team, world: World) -> None:
    for words in (
        ["deployment", "web"],
        ["deploy/web"],
        ["web", "--kind", "Deployment", "--api-version", "apps/v1"],
    ):
        shown = run("trace", *words)
        assert shown.exit_code == 0, shown.output
        blocks = [
            dict(re.split(r":\s+", line, maxsplit=1) for line in block.strip().splitlines())
            for block in shown.output.split("---")
        ]
        thing, applied, source = blocks
        assert thing == {"Object": "Deployment/web", "Namespace": team.namespace, "Status": "Managed by Flux"}
        assert (applied["Kustomization"], applied["Path"]) == ("app", "./app")
        assert applied["Revision"] == f"main@sha1:{team.sha}"  # type: ignore[attr-defined]
        assert (source["GitRepository"], source["Branch"], source["URL"]) == (
            "src",
            "main",
            team.repo.clone_url,
        )
    loose = ObjectRef("", "v1", "ConfigMap", team.namespace, "kube-root-ca.crt")
    assert world.client.find(loose)
    shown = run("trace", "cm", "kube-root-ca.crt")
    assert shown.exit_code == 1
    assert "is not managed" in shown.output
    assert "the cluster serves no kind 'sprocket'" in str(run("trace", "sprocket/x").exception)


def test_events_are_those_of_our_kinds(run: Run, team: Team) -> None:
    shown = run("events", "--for", "Kustomization/app")
    rows = lines(shown.output)
    assert rows[0] == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert {row[3] for row in rows[1:]} == {"Kustomization/app"}
    assert any("Deployment/" in row[4] and "created" in row[4] for row in rows)
    assert {row[3] for row in lines(run("events", "--for", "ks/app", "--no-header").output)} == {
        "Kustomization/app"
    }
    nothing = run("events", "--types", "Warning")
    assert (nothing.exit_code, nothing.output) == (1, f'✗ no events found in "{team.namespace}" namespace\n')


@pytest.mark.parametrize(
    ("words", "news"),
    [
        pytest.param(("get", "ks"), "app\t", id="get"),
        pytest.param(("events", "--for", "ks/app"), "ConfigMap/", id="events"),
    ],
)
def test_watching_goes_on_showing(
    run: Run, team: Team, world: World, words: tuple[str, ...], news: str
) -> None:
    place = ["--kubeconfig", world.sandbox.kubeconfig, "-n", team.namespace, "-w"]
    command = [sys.executable, "-m", "app.cli", *words, *place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        late = Timer(60, watching.terminate)
        late.start()
        try:
            stream = cast(TextIO, watching.stdout)
            assert stream.readline().split()[0] in ("NAME", "LAST")
            sha = team.push({"app/more.yaml": config_map("more")})
            until(
                lambda: (team.applied()["status"].get("lastAppliedRevision") or "").endswith(sha), what="it"
            )
            assert any((news in line and sha[:8] in line) or "/more created" in line for line in stream)
        finally:
            late.cancel()
            watching.terminate()


def test_what_the_cluster_says_does_not_steer_the_terminal(run: Run, team: Team, world: World) -> None:
    app = ObjectRef(*KUSTOMIZATION, team.namespace, "app")
    status = {
        "conditions": [
            {**c, "message": "\x1b[2Jhello\nthere"} for c in team.applied()["status"]["conditions"]
        ]
    }
    world.client.patch(app, {"spec": {"suspend": True}}, manager="x")
    world.client.patch(app, {"status": status}, manager="x", subresource="status")
    shown = run("get", "ks").output
    assert "\x1b" not in shown
    assert "hello there" in shown


def differ(run: Run, folder: Path, *more: str) -> Result:
    return run("diff", "ks", "app", "--path", str(folder / "app"), *more)


def test_diff_says_what_a_folder_would_change_and_changes_nothing(
    run: Run, team: Team, world: World, tmp_path: Path
) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: hunter2}\n"
    team.settled(team.push({"app/secret.yaml": secret}))
    folder = tmp_path / "app"
    folder.mkdir()
    for name, content in {
        "first.yaml": config_map("first"),
        "web.yaml": deployment("web", replicas=0),
        "secret.yaml": secret,
    }.items():
        (folder / name).write_text(content)
    same = differ(run, tmp_path)
    assert (same.exit_code, same.output) == (0, "")

    (folder / "web.yaml").write_text(deployment("web", replicas=2, image="ghcr.io/acme/web:2"))
    (folder / "secret.yaml").write_text(secret.replace("hunter2", "correct horse"))
    (folder / "first.yaml").unlink()
    (folder / "new.yaml").write_text(config_map("new"))
    place = team.namespace
    changed = differ(run, tmp_path)
    assert changed.exit_code == 1
    assert changed.output.splitlines() == [
        f"► ConfigMap/{place}/new created",
        f"► Secret/{place}/login drifted",
        "    data.password",
        "      - ***** (before)",
        "      + ***** (after)",
        f"► Deployment/{place}/web drifted",
        "    spec.replicas",
        "      - 0",
        "      + 2",
        "    spec.template.spec.containers[name=web].image",
        "      - ghcr.io/acme/web:1",
        "      + ghcr.io/acme/web:2",
        f"► ConfigMap/{place}/first deleted",
    ]
    assert team.config("new") is None
    assert team.config("first")
    live = world.client.get(ObjectRef("apps", "v1", "Deployment", place, "web"))
    assert live["spec"]["replicas"] == 0


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        pytest.param({"a.yaml": "kind: [\n"}, "kustomize build failed: a.yaml:1: ", id="no-yaml"),
        pytest.param(
            {"a.yaml": deployment("web").replace("replicas: 1", "replicas: many")},
            "Deployment/",
            id="refused-by-the-api-server",
        ),
    ],
)
def test_diff_ends_with_2_when_it_cannot_tell(
    run: Run, team: Team, tmp_path: Path, files: dict[str, str], problem: str
) -> None:
    (tmp_path / "app").mkdir()
    for name, content in files.items():
        (tmp_path / "app" / name).write_text(content)
    shown = differ(run, tmp_path)
    assert shown.exit_code == 2
    assert shown.output.startswith(f"✗ {problem}")


def test_diff_takes_encrypted_parts_for_no_change(
    run: Run, team: Team, world: World, vault: Vault, tmp_path: Path
) -> None:
    app = ObjectRef(*KUSTOMIZATION, team.namespace, "app")
    decryption = {"provider": "sops", "secretRef": {"name": "keys"}}
    world.client.patch(app, {"spec": {"suspend": True, "decryption": decryption}}, manager="x")
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: hunter2}\n"
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "secret.yaml").write_text(vault.encrypt(secret, regex=SECRETS_ONLY))
    shown = differ(run, tmp_path)
    assert shown.exit_code == 2
    assert shown.output.startswith(f"✗ {tmp_path / 'app'} has parts encrypted with SOPS")
