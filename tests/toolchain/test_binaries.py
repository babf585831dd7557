# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from tests.toolchain.conftest import MAIN, Recorder
from toolchain import golang
from toolchain.binaries import Workshop, binary
from toolchain.errors import ToolchainError
from toolchain.modules import find
from toolchain.progress import Step


def run(path: Path) -> str:
    return subprocess.run([path], capture_output=True, text=True, check=True).stderr.strip()


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_a_binary_is_built_and_runs(tree: Path, recorder: Recorder) -> None:
    path = binary("fairway-engine", root=tree, display=recorder)
    assert run(path) == "tiny"
    assert recorder.doings()[-1] == "linking"
    assert recorder.sentences[-1].startswith("fairway-engine is built, in 0:")
    assert recorder.ended == ["fairway-engine"]
    assert not [path for path in path.parent.iterdir() if path.suffix == ".partial"]


def test_a_binary_that_was_built_is_taken_from_the_cache(tree: Path, recorder: Recorder) -> None:
    first = binary("fairway-engine", root=tree, display=Recorder())
    os.utime(first, (0, 0))
    assert binary("fairway-engine", root=tree, display=recorder) == first
    assert (recorder.steps, recorder.sentences) == ([], [])
    assert first.stat().st_mtime > 0  # noted as in use


def test_changed_sources_make_another_binary_and_keep_the_first(tree: Path, recorder: Recorder) -> None:
    first = binary("fairway-engine", root=tree, display=recorder)
    (tree / "engine" / "main.go").write_text(MAIN.replace("tiny", "small"))
    second = binary("fairway-engine", root=tree, display=recorder)
    assert (run(first), run(second)) == ("tiny", "small")


def test_the_optimised_build_uses_its_own_flags(tree: Path, recorder: Recorder) -> None:
    (tree / "engine" / "fast.go").write_text(
        '//go:build fast\n\npackage main\n\nfunc init() { print("fast ") }\n'
    )
    assert run(binary("fairway-engine", root=tree, display=recorder)) == "tiny"
    assert run(binary("fairway-engine", root=tree, display=recorder, optimised=True)) == "fast tiny"


def test_a_packaged_binary_comes_first(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "fairway-engine").touch()
    (tree / "engine" / "main.go").write_text("this does not compile")
    assert binary("fairway-engine", root=tree, packaged=tmp_path) == tmp_path / "fairway-engine"


def test_nothing_is_built_when_that_is_not_wanted(tree: Path) -> None:
    with pytest.raises(ToolchainError, match="Run `python -m toolchain build engine`"):
        binary("fairway-engine", root=tree, build=False)


def test_without_sources_the_way_out_is_a_wheel(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=r"neither fairway-engine nor its sources.*from a wheel"):
        binary("fairway-engine", root=tmp_path)


def test_without_go_the_way_out_is_setup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata.Distribution, "discover", lambda **context: iter(()))
    with pytest.raises(ToolchainError, match=r"Go is not installed beside .*`make setup`"):
        golang.find()


def test_another_go_on_the_path_or_in_the_environment_is_not_used(
    tree: Path, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "go").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for name, value in {
        "GOROOT": "/nowhere",
        "GOOS": "plan9",
        "GOTOOLCHAIN": "go1.1",
        "GOWORK": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    assert run(binary("fairway-engine", root=tree, display=recorder)) == "tiny"


def test_threads_that_want_the_same_binary_build_it_once(tree: Path) -> None:
    displays = [Recorder() for _ in range(4)]
    found: list[Path] = []

    def ask(display: Recorder) -> None:
        found.append(binary("fairway-engine", root=tree, display=display))

    threads = [threading.Thread(target=ask, args=(display,)) for display in displays]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len([display for display in displays if "linking" in display.doings()]) == 1


def test_who_waits_sees_for_whom(tree: Path, recorder: Recorder) -> None:
    waiting = threading.Thread(
        target=binary, args=("fairway-engine",), kwargs={"root": tree, "display": recorder}
    )

    class Slow(Recorder):
        """Does not go on with its build before the other one was seen waiting."""

        def show(self, step: Step) -> None:
            super().show(step)
            if not waiting.ident:
                waiting.start()
            wait_for(lambda: recorder.steps, "the second build never waited")

    path = binary("fairway-engine", root=tree, display=Slow())
    waiting.join()
    assert recorder.doings() == [f"waits for the build of fairway-engine (process {os.getpid()})"]
    assert run(path) == "tiny"


def test_sources_that_change_during_the_build_are_built_again(tree: Path) -> None:
    class Editor(Recorder):
        """Saves another text of main.go as soon as the first one is being linked."""

        def show(self, step: Step) -> None:
            super().show(step)
            if step.doing in ("compiling", "linking"):
                edited = tree / "edited.go"
                edited.write_text(MAIN.replace("tiny", "edited"))
                edited.replace(tree / "engine" / "main.go")  # the compiler may be reading it right now

    editor = Editor()
    path = binary("fairway-engine", root=tree, display=editor)
    assert run(path) == "edited"
    assert path == Workshop(find("engine"), root=tree).target()
    assert [built.name for built in path.parent.iterdir()] == [path.name]


def test_progress_counts_every_package_once_and_goes_on_where_it_was(
    tree: Path, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "gocache"))
    binary("fairway-engine", root=tree, display=recorder)
    counted = [step.done for step in recorder.steps if step.total]
    total = recorder.steps[-1].total
    assert total > 20
    assert counted == sorted(counted)
    assert (counted[0], counted[-1]) <= (2, total)
    assert counted[-1] == total

    again = Recorder()
    (tree / "engine" / "main.go").write_text(MAIN.replace("tiny", "small"))
    binary("fairway-engine", root=tree, display=again)
    assert next(step.done for step in again.steps if step.total) >= total - 1
    assert again.steps[-1].total == total


def test_a_compile_error_is_told_with_its_line_and_leaves_nothing(tree: Path, recorder: Recorder) -> None:
    (tree / "engine" / "main.go").write_text("package main\n\nfunc main() { printl() }\n")
    with pytest.raises(ToolchainError) as caught:
        binary("fairway-engine", root=tree, display=recorder)
    assert caught.value.message == "fairway-engine was not built: it does not compile."
    assert "    ./main.go:3:15: undefined: printl" in str(caught.value).splitlines()
    assert caught.value.log is not None
    assert "undefined: printl" in caught.value.log.read_text()
    assert recorder.ended == ["fairway-engine"]
    assert list(caught.value.log.parent.parent.glob("bin/*")) == []


@pytest.mark.parametrize(
    ("proxy", "sentence"),
    [
        ("off", "GOPROXY=off forbids to fetch it"),
        ("http://127.0.0.1:9", "a Go module could not be fetched. Check the network"),
    ],
)
def test_a_module_that_cannot_be_fetched_is_told(
    tree: Path, tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, proxy: str, sentence: str
) -> None:
    monkeypatch.setenv("GOPROXY", proxy)
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    monkeypatch.setenv("GONOSUMDB", "*")
    go_mod = tree / "engine" / "go.mod"
    go_mod.write_text(go_mod.read_text() + "\nrequire example.com/missing v1.0.0\n")
    (tree / "engine" / "main.go").write_text(
        'package main\n\nimport _ "example.com/missing"\n\nfunc main() {}\n'
    )
    with pytest.raises(ToolchainError) as caught:
        binary("fairway-engine", root=tree, display=recorder)
    assert sentence in str(caught.value).splitlines()[0]
    assert "example.com/missing" in str(caught.value)
    assert "all its packages" in recorder.sentences[0]  # said before the network was asked


def test_an_interrupted_build_leaves_no_compiler_no_lock_and_no_half_binary(
    tree: Path, tmp_path: Path
) -> None:
    program = (
        # Who runs the tests in the background has SIGINT ignored, and so have their children.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from pathlib import Path; from toolchain.binaries import binary;"
        f"binary('fairway-engine', root=Path({str(tree)!r}))"
    )
    environment = {
        **os.environ,
        "GOCACHE": str(tmp_path / "gocache"),
    }  # cold, so that there is time to interrupt
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "compiling" in line:
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in rest
    assert list((tmp_path / "cache").glob("bin/*")) == []
    recorder = Recorder()
    assert run(binary("fairway-engine", root=tree, display=recorder)) == "tiny"
    assert not [doing for doing in recorder.doings() if doing.startswith("waits")]
