# SPDX-License-Identifier: Apache-2.0
"""A sandbox is started, mended and stopped by commands that may be given at any time, in any order."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.sandbox import sandbox as command
from sandbox import up as sandbox
from sandbox.forge.admin import Forge
from sandbox.kube import Kube
from sandbox.processes import Process, SandboxError, start_time
from sandbox.registry.admin import Registry

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
NOTHING = {"kubeconfig": None, "forge": None, "registry": None, "registry_control": None, "pids": {}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    found = tmp_path_factory.mktemp("sandbox")
    yield found
    sandbox.down(found)


def test_up_twice_at_once_and_once_more_is_up_once(folder: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(sandbox.up, [folder, folder])
    assert first == second == sandbox.up(folder) == sandbox.status(folder)
    assert set(first.pids) == {"cluster", "kubelet", "forge", "registry"}
    assert Path(first.kubeconfig).is_file()


def addresses(found: sandbox.Sandbox) -> tuple[str, ...]:
    return found.kubeconfig, found.forge, found.registry


@pytest.mark.parametrize("name", ["cluster", "kubelet", "forge", "registry"])
def test_up_brings_back_what_was_killed_and_leaves_the_rest(folder: Path, name: str) -> None:
    before = sandbox.up(folder)
    os.kill(before.pids[name], signal.SIGKILL)
    _until(lambda: sandbox.status(folder) is None, f"{name} gone")
    assert set(sandbox.running(folder)) == set(before.pids) - {name}
    after = sandbox.up(folder)
    assert addresses(after) == addresses(before)
    assert {key for key in after.pids if after.pids[key] != before.pids[key]} == {name}


def test_data_and_addresses_outlive_down_and_up(folder: Path) -> None:
    before = sandbox.up(folder)
    kube = Kube(Path(before.kubeconfig))
    kube.ensure(CONFIG_MAPS, {"metadata": {"name": "kept"}, "data": {"a": "1"}})
    forge = Forge(before.forge)
    repo = forge.create_repository("acme", "kept", files={"a.yaml": "a: 1\n"})
    refs = forge.refs(repo)
    registry = Registry(before.registry, before.registry_control)
    pushed = registry.push("acme/kept", "1.0.0")
    registry.notify(["http://127.0.0.1:1/hook"])
    sandbox.down(folder)
    assert sandbox.running(folder) == {}
    assert not [pid for pid in before.pids.values() if start_time(pid)]
    after = sandbox.up(folder)
    assert addresses(after) == addresses(before)
    assert Kube(Path(after.kubeconfig)).call("GET", f"{CONFIG_MAPS}/kept")["data"] == {"a": "1"}
    assert Forge(after.forge).refs(repo) == refs
    registry = Registry(after.registry, after.registry_control)
    assert registry.digest("acme/kept", "1.0.0") == pushed.digest
    assert registry.notified() == ["http://127.0.0.1:1/hook"]


def test_the_command_prints_what_the_interface_promises(folder: Path) -> None:
    found = sandbox.up(folder)
    for verb in ("up", "status"):
        answer = CliRunner().invoke(command, [verb, "--dir", str(folder), "--json"])
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout) == {
            "kubeconfig": found.kubeconfig,
            "forge": found.forge,
            "registry": found.registry,
            "registry_control": found.registry_control,
            "pids": found.pids,
        }


def test_status_of_nothing_says_so_with_exit_status_1(tmp_path: Path) -> None:
    answer = CliRunner().invoke(command, ["status", "--dir", str(tmp_path / "none"), "--json"])
    assert answer.exit_code == 1
    assert json.loads(answer.stdout) == NOTHING


def test_down_of_nothing_is_fine(tmp_path: Path) -> None:
    answer = CliRunner().invoke(command, ["down", "--dir", str(tmp_path / "none"), "--json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout) == NOTHING
    assert not (tmp_path / "none").exists()


def test_down_spares_a_stranger_that_has_the_process_id_now(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        started = start_time(stranger.pid)
        assert started is not None
        facts = {"pid": stranger.pid, "started": started - 1}
        (tmp_path / "forge.json").write_text(json.dumps(facts))
        sandbox.down(tmp_path)
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    lines = (
        "import signal",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        """print('{"event": "ready"}', flush=True)""",
        "signal.pause()",
    )
    process = Process(tmp_path, "stubborn")
    pid = process.start([sys.executable, "-c", "\n".join(lines)], timeout=20)["pid"]
    process.stop(0.3)
    assert start_time(pid) is None
    assert process.facts() is None


@pytest.mark.parametrize(
    "afterwards", ["", "import os, time; os.close(1); time.sleep(60)"], ids=["ends", "hangs"]
)
def test_a_process_that_does_not_start_is_told_with_its_last_words(tmp_path: Path, afterwards: str) -> None:
    script = f"import sys; print('port 1 is taken', file=sys.stderr, flush=True); {afterwards}"
    process = Process(tmp_path, "forge")
    with pytest.raises(SandboxError, match=r"forge did not start.*\n.*port 1 is taken"):
        process.start([sys.executable, "-c", script], timeout=20)
    assert process.facts() is None


def test_a_port_that_somebody_took_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "cluster").mkdir()
        (tmp_path / "cluster" / "port").write_text(str(port))
        try:
            with pytest.raises(SandboxError, match=f"port {port} is taken"):
                sandbox.up(tmp_path)
        finally:
            sandbox.down(tmp_path)


def _until(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        time.sleep(0.02)
