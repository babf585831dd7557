# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from toolchain import cache
from toolchain.errors import ToolchainError

HOLDER = """
import sys
from pathlib import Path
from toolchain import cache
with cache.locked(Path(sys.argv[1]), "somebody else", waiting=print) as descriptor:
    print("held", flush=True)
    if sys.argv[2] == "leave":
        import os, subprocess
        subprocess.Popen(["sh", "-c", "read line"], stdin=0, stdout=subprocess.DEVNULL, pass_fds=[descriptor])
        os._exit(1)
    sys.stdin.readline()
"""


def hold(lock: Path, how: str) -> subprocess.Popen[str]:
    """Let another process take the lock; it lets go when its standard input ends."""
    command = [sys.executable, "-c", HOLDER, str(lock), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("how", ["stay", "leave"])
def test_a_lock_is_waited_for_and_its_owner_named(tmp_path: Path, how: str) -> None:
    process = hold(tmp_path / "lock", how)
    assert process.stdin is not None
    if how == "leave":
        # Only a child of the dead holder has the lock now, as a compiler whose parent was killed would.
        assert process.wait(10) == 1
    owners: list[str] = []

    def waiting(owner: str) -> None:
        owners.append(owner)
        if len(owners) == 2:
            process.stdin.close()  # type: ignore[union-attr]

    with cache.locked(tmp_path / "lock", "us", waiting=waiting, poll=0.01):
        assert (tmp_path / "lock").read_text() == "us"
    assert set(owners) == {"somebody else"}
    process.wait(10)


def test_threads_take_turns(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with cache.locked(tmp_path / "lock", "a thread", waiting=lambda owner: None, poll=0.001):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 16


def test_a_binary_is_put_in_place_executable_over_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "built").write_text("new")
    (tmp_path / "target").write_text("old")
    cache.put(tmp_path / "built", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "new"
    assert os.access(tmp_path / "target", os.X_OK)
    assert not (tmp_path / "built").exists()


def test_only_what_nobody_asked_for_in_a_month_is_discarded(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    ages = {"engine-new": 0, "engine-used": 29, "engine-old": 31, "engine-kept": 99, "cluster-old": 99}
    for name, days in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now, now - days * 86400))
    (tmp_path / "engine-half.partial").touch()
    cache.discard_unused("engine", keep=tmp_path / "engine-kept", now=now)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cluster-old", "engine-kept", "engine-new", "engine-used",
    ]  # fmt: skip


def test_the_cache_lies_where_fairway_cache_says_or_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRWAY_CACHE", str(tmp_path / "there"))
    assert cache.directory() == tmp_path / "there"
    monkeypatch.delenv("FAIRWAY_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.directory() == tmp_path / ".cache" / "fairway"


def test_a_cache_that_cannot_be_made_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ToolchainError, match="Set FAIRWAY_CACHE to a folder that may be written"):
        cache.make(tmp_path / "file" / "folder")
