# SPDX-License-Identifier: Apache-2.0
"""The supervisor on real processes: small programs of every temper."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from app.cli.identity import Identity
from app.cli.output import Output
from app.cli.redis import EmbeddedRedis, RedisFailed
from app.cli.state import AlreadyRunning, State, folder_for
from app.cli.supervisor import Role, StartFailed, Supervisor
from tests.app.conftest import until

SLEEP = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


@contextmanager
def supervised(roles: list[Role], folder: Path, screen: StringIO | None = None) -> Iterator[Supervisor]:
    """Run a supervisor in this thread's stead: it is this process that its children are bound to."""
    supervisor = Supervisor(roles, dict(os.environ), Output(folder, screen))
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield supervisor
    finally:
        supervisor.ended.set()
        thread.join(30)
        supervisor.output.close()
        assert not thread.is_alive()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_dies_is_started_again_and_said(tmp_path: Path) -> None:
    screen = StringIO()
    with supervised([Role("worker", SLEEP, 1)], tmp_path, screen) as supervisor:
        until(lambda: _logged(tmp_path, "worker"), what="it runs")
        os.kill(supervisor.pids()["worker"], signal.SIGKILL)
        until(lambda: screen.getvalue().count("worker  | here") == 2, what="another runs")
    assert "fairway | worker ended (killed by SIGKILL); it starts again in 0.2 s" in screen.getvalue()
    assert (tmp_path / "worker.log").read_text() == "here\nhere\n"


def test_pauses_grow_while_it_keeps_dying(tmp_path: Path) -> None:
    screen = StringIO()
    with supervised([Role("web", python("raise SystemExit(7)"), 1)], tmp_path, screen) as supervisor:
        supervisor.ready.set()
        until(lambda: screen.getvalue().count("exit status 7") >= 4, what="four deaths")
    pauses = [line.split(" in ")[1] for line in screen.getvalue().splitlines() if "starts again" in line]
    assert pauses[:4] == ["0.2 s", "0.4 s", "0.8 s", "1.6 s"]


def test_a_start_that_cannot_work_ends_with_what_was_said(tmp_path: Path) -> None:
    broken = Role("worker", python("import sys; sys.exit('no key at all')"), 1)
    supervisor = Supervisor([Role("web", SLEEP, 1), broken], dict(os.environ), Output(tmp_path))
    with pytest.raises(StartFailed, match="no key at all"):
        supervisor.run()
    assert supervisor.pids() == {}


def test_children_end_in_their_turns(tmp_path: Path) -> None:
    script = """
import signal, sys, time
def end(*_):
    time.sleep(0.2); print("end", time.monotonic(), flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, end); print("here", flush=True); time.sleep(600)"""
    roles = [
        Role("redis", python(script), 3),
        Role("worker", python(script), 2),
        Role("web", python(script), 1),
    ]
    with supervised(roles, tmp_path):
        for role in roles:
            until(lambda role=role: _logged(tmp_path, role.name), what=f"{role.name} runs")  # type: ignore[misc]
    ends = {role.name: float((tmp_path / f"{role.name}.log").read_text().split("end ")[1]) for role in roles}
    assert sorted(ends, key=lambda name: ends[name]) == ["web", "worker", "redis"]


def _logged(folder: Path, name: str) -> bool:
    log = folder / f"{name}.log"
    return log.exists() and "here" in log.read_text()


def test_what_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.cli.supervisor._STOP_TIMEOUT", 0.5)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        " print('here', flush=True); time.sleep(600)"
    )
    with supervised([Role("worker", python(deaf), 1)], tmp_path) as supervisor:
        until(lambda: _logged(tmp_path, "worker"), what="it runs")
        pid = supervisor.pids()["worker"]
    assert not alive(pid)


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('here', child.pid, flush=True); time.sleep(600)"
    )
    with supervised([Role("web", python(parent), 1)], tmp_path) as supervisor:
        until(lambda: _logged(tmp_path, "web"), what="it runs")
        grandchild = int((tmp_path / "web.log").read_text().split()[1])
        os.kill(supervisor.pids()["web"], signal.SIGKILL)
        until(lambda: not alive(grandchild), what="the grandchild is gone")


def test_a_child_waits_until_it_may_start(tmp_path: Path) -> None:
    allowed = threading.Event()
    with supervised([Role("web", SLEEP, 1, allowed.is_set)], tmp_path) as supervisor:
        with pytest.raises(pytest.fail.Exception):
            until(lambda: bool(supervisor.pids()), what="it runs", seconds=0.3)
        allowed.set()
        until(lambda: bool(supervisor.pids()), what="it runs")


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    script = f"""
import os
from pathlib import Path
from app.cli.output import Output
from app.cli.redis import EmbeddedRedis
from app.cli.supervisor import Role, Supervisor
redis = EmbeddedRedis(Path({str(tmp_path / "redis")!r}))
roles = [Role("web", {SLEEP!r}, 1), Role("redis", redis.command(), 2)]
supervisor = Supervisor(roles, dict(os.environ), Output(Path({str(tmp_path)!r})))
import threading, time
def tell():
    while len(supervisor.pids()) < 2 or not redis.answers(): time.sleep(0.01)
    print(*supervisor.pids().values(), flush=True)
threading.Thread(target=tell, daemon=True).start()
supervisor.run()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        process.kill()
    until(lambda: not any(alive(pid) for pid in pids), what="its children are gone", seconds=5)


def test_a_line_cannot_steer_the_terminal(tmp_path: Path) -> None:
    screen = StringIO()
    evil = r"print('a\x1b[2Jb\x9b31mc\u202ed\x07', flush=True); import time; time.sleep(600)"
    with supervised(
        [Role("web", python("import sys; sys.stdout.reconfigure(encoding='utf-8'); " + evil), 1)],
        tmp_path,
        screen,
    ):
        until(lambda: "a" in screen.getvalue(), what="the line")
    assert "web     | a\ufffd[2Jb\ufffd31mc\ufffdd\ufffd\n" in screen.getvalue()


def test_a_very_long_line_is_broken_and_kept(tmp_path: Path) -> None:
    with supervised([Role("web", python("print('x' * 100_000, flush=True)\nwhile True: pass"), 1)], tmp_path):
        until(
            lambda: (
                (tmp_path / "web.log").exists() and (tmp_path / "web.log").read_text().count("x") == 100_000
            ),
            what="all of it",
        )


def test_an_id_that_was_used_again_is_not_ours() -> None:
    process = subprocess.Popen(["sleep", "600"])
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        assert Identity(process.pid, int(stat[19])).alive()
        other = Identity(process.pid, int(stat[19]) - 1)
        assert not other.alive()
        other.stop(1)
        assert process.poll() is None
        Identity(process.pid, int(stat[19])).stop(5)
        assert process.wait(5) == -signal.SIGTERM
    finally:
        process.kill()
        process.wait()


def test_a_folder_has_one_supervisor(tmp_path: Path) -> None:
    state = State(tmp_path / "one")
    state.prepare()
    with state.held(), pytest.raises(AlreadyRunning, match="fairway down"), State(tmp_path / "one").held():
        pass
    with state.held():
        pass


def test_what_a_dead_supervisor_wrote_counts_no_more(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    me = Identity.current()
    state.write({"supervisor": {"pid": me.pid, "started": me.started}})
    assert state.supervisor() == me
    state.write({"supervisor": {"pid": me.pid, "started": me.started - 1}})
    assert state.read() is None
    (tmp_path / "up.json").write_text("{")
    assert state.read() is None


@pytest.mark.parametrize(
    ("context", "name"),
    [("kind-dev", "kind-dev"), ("../x", "%2E%2E%2Fx"), ("..", "%2E%2E"), ("a/b", "a%2Fb")],
)
def test_a_context_of_any_name_has_a_folder_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, context: str, name: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert folder_for(None, context, None) == tmp_path / "fairway" / name


def test_the_embedded_redis_is_for_its_owner_only(tmp_path: Path) -> None:
    import redis

    server = EmbeddedRedis(tmp_path / 'it\'s a "folder"')
    server.start()
    try:
        pid = server.pid
        assert pid is not None
        with redis.Redis.from_url(server.url) as client:
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("appendonly") == {"appendonly": "no"}
            assert client.config_get("bind")["bind"].split() == ["127.0.0.1"]
        port = int(server.url.rpartition(":")[2].split("/")[0])
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        password = server.url.split(":")[2].split("@")[0]
        assert password not in Path(f"/proc/{pid}/cmdline").read_text()
        assert (tmp_path / 'it\'s a "folder"').stat().st_mode & 0o077 == 0
    finally:
        server.stop()
    assert not alive(pid)
    assert server.pid is None


def test_a_redis_that_cannot_start_says_why(tmp_path: Path) -> None:
    first = EmbeddedRedis(tmp_path / "first")
    first.start()
    try:
        second = EmbeddedRedis(tmp_path / "second")
        second._port = first._port
        with pytest.raises(RedisFailed, match="Address already in use"):
            second.start()
    finally:
        first.stop()
