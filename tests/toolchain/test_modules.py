# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import modules
from toolchain.errors import ToolchainError


def key(
    directory: Path, *, version: str = "go1.27.3", platform: str = "linux/amd64", optimised: bool = False
) -> str:
    arguments = modules.flags(directory, optimised=optimised)
    return modules.key(directory, arguments, version=version, platform=platform)


def write(name: str, text: str) -> Callable[[Path], object]:
    def change(directory: Path) -> None:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)

    return change


def nested(directory: Path) -> None:
    (directory / "other").mkdir()
    (directory / "other" / "go.mod").write_text("module example.com/other\n")
    (directory / "other" / "main.go").write_text("package main\n")


def flags(**fields: object) -> Callable[[Path], object]:
    def change(directory: Path) -> None:
        content = json.loads((directory / "build.json").read_text())
        (directory / "build.json").write_text(json.dumps(content | fields))

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(write("main.go", "package main\n\nfunc main() {}\n"), id="a source changes"),
        pytest.param(write("more.go", "package main\n"), id="a source is added"),
        pytest.param(write("inner/inner.go", "package inner\n"), id="a package is added"),
        pytest.param(write("go.mod", "module example.com/tiny\n\ngo 1.26\n"), id="go.mod changes"),
        pytest.param(write("go.sum", "example.com/x v1.0.0 h1:abc=\n"), id="go.sum appears"),
        pytest.param(write("rules.yaml", "embedded: true\n"), id="a file that may be embedded appears"),
        pytest.param(flags(flags=["-trimpath", "-tags=x"]), id="a flag changes"),
        pytest.param(flags(ldflags="-s"), id="a linker flag changes"),
        pytest.param(lambda path: (path / "main.go").rename(path / "start.go"), id="a source is renamed"),
    ],
)
def test_a_key_changes_with_everything_that_decides_the_binary(
    tree: Path, change: Callable[[Path], object]
) -> None:
    before = key(tree / "engine")
    change(tree / "engine")
    assert key(tree / "engine") != before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(write("main_test.go", "package main\n"), id="a test"),
        pytest.param(nested, id="a module of its own"),
        pytest.param(write("testdata/input.go", "package input\n"), id="data of a test"),
        pytest.param(write("README.md", "# Tiny\n"), id="a text for people"),
        pytest.param(write("tool.py", "print()\n"), id="a Python module"),
        pytest.param(write(".main.go.swp", "x"), id="a hidden file"),
        pytest.param(flags(bench_flags=["-tags=faster"]), id="the flags of the other build"),
        pytest.param(lambda path: (path / "main.go").touch(), id="a time stamp"),
    ],
)
def test_a_key_stays_when_the_binary_would_be_the_same(tree: Path, change: Callable[[Path], object]) -> None:
    before = key(tree / "engine")
    change(tree / "engine")
    assert key(tree / "engine") == before


def test_a_key_changes_with_go_and_with_the_platform(tree: Path) -> None:
    directory = tree / "engine"
    keys = {
        key(directory),
        key(directory, version="go1.27.4"),
        key(directory, platform="linux/arm64"),
        key(directory, optimised=True),
    }
    assert len(keys) == 4


def test_the_same_sources_elsewhere_have_the_same_key(tree: Path) -> None:
    before = key(tree / "engine")
    (tree / "engine").rename(tree / "moved")
    assert key(tree / "moved") == before


def test_flags_of_the_optimised_build_fall_back_to_the_plain_ones(tree: Path) -> None:
    (tree / "engine" / "build.json").write_text('{"flags": ["-trimpath"], "ldflags": "-s"}')
    assert modules.flags(tree / "engine", optimised=True) == ["-trimpath", "-buildvcs=false", "-ldflags=-s"]


@pytest.mark.parametrize("text", ["", "[]", '{"flags": []}', "{"])
def test_a_build_json_that_is_none_is_named(tree: Path, text: str) -> None:
    path = tree / "engine" / "build.json"
    path.write_text(text)
    with pytest.raises(ToolchainError, match=f"^{path} does not describe a build"):
        modules.flags(tree / "engine", optimised=False)


@pytest.mark.parametrize("name", ["fairway-engine", "engine"])
def test_a_module_is_found_by_its_long_and_short_name(name: str) -> None:
    assert modules.find(name).name == "fairway-engine"


def test_an_unknown_name_gets_the_known_ones() -> None:
    with pytest.raises(
        ToolchainError,
        match=r"no Go part 'motor'\. There are: fairway-engine, fairway-sops, fairway-cluster, "
        r"fairway-registry\.",
    ):
        modules.find("motor")


@pytest.mark.parametrize("module", modules.MODULES, ids=lambda module: module.name)
@pytest.mark.parametrize("optimised", [False, True])
def test_every_module_of_the_house_describes_its_build(module: modules.Module, optimised: bool) -> None:
    directory = modules.ROOT / module.directory
    assert (directory / "go.mod").is_file()
    assert "-trimpath" in modules.flags(directory, optimised=optimised)
