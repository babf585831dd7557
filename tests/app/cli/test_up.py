# SPDX-License-Identifier: Apache-2.0
"""`fairway up` and `fairway down` on a sandbox of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import urllib3

from app.cli.redis import EmbeddedRedis
from policies.kinds import ALL
from policies.kinds.crd import document
from policies.objects import Object, ObjectRef
from sandbox import up as sandbox
from sandbox.forge.admin import Forge
from tests.app.cli.test_supervisor import alive
from tests.app.conftest import until
from workers.cluster import Client, connect

pytestmark = pytest.mark.timeout(180)


@dataclass
class Place:
    """A sandbox, and the command line beside it."""

    folder: Path
    sandbox: sandbox.Sandbox
    client: Client

    def fairway(
        self, *arguments: str, typed: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FAIRWAY_")}
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments, "--sandbox", str(self.folder)],
            env=clean | environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def up(self, **environment: str) -> dict[str, Any]:
        ended = self.fairway("up", "--yes", "--detach", "--json", **environment)
        assert ended.returncode == 0, ended.stderr
        [line] = ended.stdout.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "fairway" / "up.json").read_text())
        return found

    def definition(self, kind: Any) -> Object | None:
        name = f"{kind.definition.plural}.{kind.definition.group}"
        return self.client.find(ObjectRef("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "", name))


@pytest.fixture(scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("sandbox")
    found = sandbox.up(folder)
    try:
        yield Place(folder, found, connect(kubeconfig=found.kubeconfig))
    finally:
        sandbox.down(folder)


@pytest.fixture
def place(_place: Place) -> Iterator[Place]:
    yield _place
    _place.fairway("down")


def test_a_no_changes_nothing(place: Place) -> None:
    """Stands first: nothing has been installed yet."""
    ended = place.fairway("up", "--detach", typed="n\n")
    assert ended.returncode == 130
    for said in (
        f"Fairway on sandbox {place.folder} ({place.client.server})",
        "reconciles every Kustomization (kustomizations.kustomize.toolkit.fluxcd.io; there is none)",
        "creates CustomResourceDefinition repositorybindings.fairway.dev",
        "creates Namespace fairway-system",
        "Go on?",
    ):
        assert said in ended.stderr
    assert [place.definition(kind) for kind in ALL] == [None] * len(ALL)
    assert ended.stdout == ""


def test_up_returns_when_everything_is_ready_and_down_ends_all_of_it(place: Place) -> None:
    found = place.up()
    pids = [found[name]["pid"] for name in ("web", "worker", "watch", "redis", "supervisor")]
    assert len(set(pids)) == 5
    assert all(alive(pid) for pid in pids)
    http = urllib3.PoolManager()
    assert http.request("GET", found["web"]["internal_url"] + "/readyz").status == 200
    assert http.request("POST", found["web"]["url"] + "/webhooks/github", body=b"{}").status == 401
    assert all(place.definition(kind) for kind in ALL)
    ended = place.fairway("down")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert not any(alive(pid) for pid in pids)
    assert all(place.definition(kind) for kind in ALL), "down leaves the cluster as it is"
    assert place.fairway("down").returncode == 0


def test_the_app_is_registered_once_installed_and_reached(place: Place) -> None:
    forge = Forge(place.sandbox.forge)
    forge.create_repository("acme", "fleet", files={"README.md": "# fleet\n"})
    found = place.up()
    app = forge.app("fairway")
    assert app.webhook_url == found["web"]["url"] + "/webhooks/github"
    installed = forge.install(app, "acme")
    log = place.folder / "fairway" / "logs" / "web.log"
    forge.commit(forge.repository("acme/fleet"), {"a.txt": "a"}, "Add a")
    said = "repository=acme/fleet ref=refs/heads/main"
    until(lambda: log.exists() and said in log.read_text(), what="the push is queued")
    place.fairway("down")
    again = place.up()
    assert forge.app("fairway").id == app.id
    assert forge.app("fairway").webhook_url == again["web"]["url"] + "/webhooks/github"
    assert forge.install(app, "acme") == installed


def test_secrets_are_their_owners(place: Place) -> None:
    found = place.up()
    folder = place.folder / "fairway"
    assert folder.stat().st_mode & 0o077 == 0
    secret = (folder / "webhook-secret").read_text()
    for name in ("app.pem", "webhook-secret", "redis/redis.conf", "up.json"):
        assert (folder / name).stat().st_mode & 0o077 == 0, name
    for log in (folder / "logs").glob("*.log"):
        assert secret not in log.read_text()
    for role in ("web", "worker", "watch", "redis", "supervisor"):
        arguments = Path(f"/proc/{found[role]['pid']}/cmdline").read_bytes()
        assert b"redis://" not in arguments
        assert secret.encode() not in arguments


def test_a_second_one_in_the_same_folder_is_refused(place: Place) -> None:
    found = place.up()
    ended = place.fairway("up", "--yes", "--detach", "--json")
    assert ended.returncode == 1
    assert f"already (pid {found['supervisor']['pid']}): fairway down --dir" in ended.stderr
    assert alive(found["web"]["pid"])


@pytest.mark.parametrize("role", ["web", "worker", "watch", "redis"])
def test_what_is_killed_comes_back(place: Place, role: str) -> None:
    found = place.up()
    os.kill(found[role]["pid"], signal.SIGKILL)
    until(lambda: place.state[role]["pid"] not in (None, found[role]["pid"]), what=f"another {role}")
    http = urllib3.PoolManager(timeout=2, retries=False)

    def ready() -> bool:
        try:
            return http.request("GET", found["web"]["internal_url"] + "/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    until(ready, what="web is ready again")
    assert f"{role} ended (killed by SIGKILL)" in (place.folder / "fairway/logs/fairway.log").read_text()


def test_nothing_outlives_a_killed_supervisor_and_the_next_one_starts(place: Place) -> None:
    found = place.up()
    os.kill(found["supervisor"]["pid"], signal.SIGKILL)
    pids = [found[name]["pid"] for name in ("web", "worker", "watch", "redis")]
    until(lambda: not any(alive(pid) for pid in pids), what="all are gone", seconds=5)
    assert place.up()["supervisor"]["pid"] != found["supervisor"]["pid"]


def test_on_a_terminal_it_runs_until_ctrl_c(place: Place) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FAIRWAY_")}
    command = [sys.executable, "-m", "app.cli", "up", "--yes", "--sandbox", str(place.folder)]
    with subprocess.Popen(
        command, env=clean, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        webhooks, pages, logs = (process.stdout.readline() for _ in range(3))
        assert webhooks.startswith("webhooks  http://127.0.0.1:")
        assert (pages.split()[0], logs.split()[0]) == ("pages", "logs")
        pids = [place.state[role]["pid"] for role in ("web", "worker", "watch", "redis")]
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        said = process.stderr.read()
        assert process.wait(40) == 0
    assert "watch   | " in said
    assert said.rstrip().endswith("fairway | stopped")
    assert not any(alive(pid) for pid in pids)


def test_a_redis_of_ones_own_is_used_and_left_running(place: Place, redis_server: EmbeddedRedis) -> None:
    found = place.up(FAIRWAY_REDIS_URL=redis_server.url)
    assert "redis" not in found
    with redis.Redis.from_url(redis_server.url) as client:
        assert client.exists(f"fairway:alive:worker:{found['worker']['pid']}")
    place.fairway("down")
    assert redis_server.answers()


@contextmanager
def lease(
    client: Client, name: str, age: timedelta, holder: str = "kustomize-controller-0_abc"
) -> Iterator[None]:
    """Have a Lease as Flux's controllers have it, renewed so long ago."""
    namespace = "flux-system"
    if client.find(ObjectRef("", "v1", "Namespace", "", namespace)) is None:
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    renewed = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    # A Fairway that ran before may have left the Lease there, given up.
    made = client.apply(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 35, "renewTime": renewed},
        },
        manager="flux",
    )
    try:
        yield
    finally:
        client.delete(ObjectRef.of(made))


@pytest.mark.parametrize(
    "name", ["kustomize-controller-leader-election", "source-controller-leader-election"]
)
def test_a_running_flux_is_not_fought_with(place: Place, name: str) -> None:
    with lease(place.client, name, timedelta(seconds=5)):
        ended = place.fairway("up", "--yes", "--detach", "--json")
    assert ended.returncode == 1
    assert f"kustomize-controller-0_abc holds the Lease flux-system/{name}" in ended.stderr
    assert "kubectl -n flux-system scale deployment" in ended.stderr
    assert not (place.folder / "fairway" / "up.json").exists()


@pytest.mark.parametrize(
    ("name", "age", "holder"),
    [
        ("kustomize-controller-leader-election", 60, "kustomize-controller-0_abc"),
        ("kustomize-controller-leader-election", 1, ""),
        ("helm-controller-leader-election", 1, "helm-controller-0_abc"),
    ],
    ids=["gone without a word", "given up", "another controller"],
)
def test_a_flux_that_does_not_reconcile_our_kinds_is_no_hindrance(
    place: Place, name: str, age: int, holder: str
) -> None:
    with lease(place.client, name, timedelta(seconds=age), holder):
        place.up()


def test_kinds_that_somebody_else_installed_stay_as_they_are(place: Place) -> None:
    place.up()
    place.fairway("down")
    kind = next(kind for kind in ALL if kind.definition.kind == "Kustomization")
    ref = ObjectRef.of(place.definition(kind) or {})
    place.client.delete(ref)
    until(lambda: place.definition(kind) is None, what="it is deleted")
    theirs = document(kind)
    theirs["metadata"]["labels"] = {"app.kubernetes.io/part-of": "flux"}
    made = place.client.create(theirs, manager="kubectl")
    place.up()
    now = place.client.get(ref)
    assert now["metadata"]["uid"] == made["metadata"]["uid"]
    assert now["metadata"]["generation"] == 1
    assert "fairway" not in {entry["manager"] for entry in now["metadata"]["managedFields"]}


def test_an_address_that_is_taken_is_named_before_anything_starts(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = place.fairway("up", "--yes", "--detach", "--json", FAIRWAY_LISTEN=address)
    assert ended.returncode == 1
    assert f"FAIRWAY_LISTEN: nobody can listen on {address}" in ended.stderr


def test_a_key_that_is_none_is_said_before_anything_starts(place: Place) -> None:
    key = place.folder / "fairway" / "app.pem"
    place.up()
    place.fairway("down")
    kept = key.read_text()
    key.write_text("-----BEGIN RSA PRIVATE KEY-----\nbm8=\n-----END RSA PRIVATE KEY-----\n")
    try:
        ended = place.fairway("up", "--yes", "--detach", "--json")
    finally:
        key.write_text(kept)
    assert ended.returncode == 1
    assert "FAIRWAY_GITHUB_PRIVATE_KEY_FILE" in ended.stderr
    assert not (place.folder / "fairway" / "up.json").exists()


def test_what_lies_where_one_stands_is_not_run(place: Place, tmp_path: Path) -> None:
    for name in ("app", "policies", "workers", "sandbox"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('not ours')")
    command = [Path(sys.executable).parent / "fairway", "up", "--yes", "--detach", "--sandbox", place.folder]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("webhooks  http://127.0.0.1:")
