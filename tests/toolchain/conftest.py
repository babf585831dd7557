# SPDX-License-Identifier: Apache-2.0
"""A source tree with a Go module so small that tests build it for real, and a display that remembers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolchain.progress import Step

# `println` is built into the compiler, so nothing but the runtime is compiled with it.
MAIN = 'package main\n\nfunc main() { println("tiny") }\n'


class Recorder:
    """A display that keeps everything it was shown."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.steps: list[Step] = []
        self.ended: list[str] = []

    def say(self, text: str) -> None:
        self.sentences.append(text)

    def show(self, step: Step) -> None:
        self.steps.append(step)

    def end(self, name: str) -> None:
        self.ended.append(name)

    def doings(self) -> list[str]:
        """What was being done, without repetitions."""
        seen: list[str] = []
        for step in self.steps:
            if step.doing not in seen:
                seen.append(step.doing)
        return seen


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose engine is the tiny module, and an empty cache for what is built of it."""
    monkeypatch.setenv("FAIRWAY_CACHE", str(tmp_path / "cache"))
    directory = tmp_path / "tree" / "engine"
    directory.mkdir(parents=True)
    (directory / "go.mod").write_text("module example.com/tiny\n\ngo 1.27\n")
    (directory / "main.go").write_text(MAIN)
    content = {"flags": ["-trimpath"], "ldflags": "-s -w", "bench_flags": ["-trimpath", "-tags=fast"]}
    (directory / "build.json").write_text(json.dumps(content))
    return tmp_path / "tree"
