# SPDX-License-Identifier: Apache-2.0
"""`python -m toolchain`, as the Makefile calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolchain.conftest import Recorder
from toolchain import modules
from toolchain.__main__ import main
from toolchain.binaries import Workshop


def test_a_failure_is_a_sentence_and_exit_status_1(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolchain", "path", "engine"],
        cwd=modules.ROOT,
        env={**os.environ, "FAIRWAY_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "fairway-engine has not been built from these sources yet. Run `python -m toolchain build engine`.\n"
    )


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "motor"]) == 1
    assert "no Go part 'motor'" in capsys.readouterr().err


def test_vet_tells_what_it_found(tree: Path, recorder: Recorder) -> None:
    compiler = Workshop(modules.find("engine"), root=tree).compiler(recorder)
    assert compiler.vet() == []
    (tree / "engine" / "odd.go").write_text("package main\n\nvar odd = 1\n\nfunc init() { odd = odd }\n")
    assert any("self-assignment of odd" in line for line in compiler.vet())


def test_go_tests_fail_and_pass(tree: Path, recorder: Recorder) -> None:
    compiler = Workshop(modules.find("engine"), root=tree).compiler(recorder)
    test = (
        'package main\n\nimport "testing"\n\nfunc TestIt(t *testing.T) { if !right { t.Fatal("wrong") } }\n'
    )
    (tree / "engine" / "main_test.go").write_text(test)
    (tree / "engine" / "right.go").write_text("package main\n\nvar right = false\n")
    passed, lines = compiler.test()
    assert not passed
    assert any("wrong" in line for line in lines)
    (tree / "engine" / "right.go").write_text("package main\n\nvar right = true\n")
    passed, lines = compiler.test()
    assert passed
    assert lines[-1].startswith("ok ")
