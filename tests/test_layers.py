# SPDX-License-Identifier: Apache-2.0
"""Who may import whom: each rule of the house, checked on the imports that the sources make."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a pure function cannot need: the world outside, the time of day, chance, and other threads.
# fmt: off
IMPURE = frozenset({
    "asyncio", "concurrent", "ctypes", "fcntl", "ftplib", "glob", "http", "io", "logging",
    "multiprocessing", "os", "queue", "random", "sched", "secrets", "select", "selectors", "shutil",
    "signal", "smtplib", "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys", "tempfile",
    "threading", "time", "uuid", "urllib.error", "urllib.request",
})
# fmt: on
WEB = frozenset({"flask", "gunicorn", "jinja2", "werkzeug", "click"})
OUTSIDE = frozenset({"kubernetes", "pygit2", "github", "git", "requests", "urllib3", "docker"})


@dataclass(frozen=True)
class Layer:
    """What the modules below `folder` may import of ours and of others; `why` ends the failure's sentence."""

    folder: str
    why: str
    ours: frozenset[str]
    others: frozenset[str] | None = None
    never: frozenset[str] = frozenset()
    beside: tuple[str, ...] = ()  # folders below that have a rule of their own

    def refuses(self, module: str) -> bool:
        """Say whether a dotted module name is out of bounds."""
        top = module.split(".")[0]
        if any(module == name or module.startswith(f"{name}.") for name in self.never):
            return True
        if top in PACKAGES:
            return not any(module == name or module.startswith(f"{name}.") for name in self.ours)
        return self.others is not None and top not in self.others and top not in sys.stdlib_module_names


PACKAGES = frozenset({"app", "policies", "workers", "sandbox", "toolchain", "bench", "tests"})

LAYERS = [
    Layer(
        "policies",
        "policies are pure: the standard library without I/O, clock or threads, pydantic, re2, pathspec and"
        " markdown_it",
        ours=frozenset({"policies"}),
        others=frozenset({"pydantic", "pydantic_core", "re2", "pathspec", "markdown_it"}),
        never=IMPURE,
        beside=("policies/repofile", "policies/images/setters"),
    ),
    Layer(
        "policies/images/setters",
        "a setter learns from PyYAML's parser where values stand, and nothing of what they mean",
        ours=frozenset({"policies"}),
        others=frozenset({"yaml"}),
        never=IMPURE,
    ),
    Layer(
        "policies/repofile",
        "a file for people may be read by PyYAML's parser; what is applied never is: no loader reads it as"
        " Kubernetes does",
        ours=frozenset({"policies"}),
        others=frozenset({"pydantic", "pydantic_core", "yaml"}),
        never=IMPURE,
    ),
    Layer(
        "app",
        "app queues work and reads views; it never talks to the cluster, Git, a registry or GitHub",
        ours=frozenset({"app", "policies", "toolchain"}),
        never=OUTSIDE,
        beside=("app/cli",),
    ),
    Layer(
        "app/cli",
        "the command line may use the workers' adapters and the sandbox, not what they are made of",
        ours=frozenset({"app", "policies", "workers", "sandbox", "toolchain"}),
        never=OUTSIDE,
    ),
    Layer(
        "workers",
        "workers know no web framework and no command line",
        ours=frozenset({"workers", "policies", "toolchain"}),
        never=WEB,
    ),
    Layer(
        "sandbox",
        "the sandbox stands in for the world, so it knows nothing of Fairway but the kinds",
        ours=frozenset({"sandbox", "policies.kinds", "toolchain"}),
    ),
    Layer(
        "toolchain",
        "the toolchain builds what the others need, so it needs nothing but the standard library and rich",
        ours=frozenset({"toolchain"}),
        others=frozenset({"rich"}),
    ),
    Layer(
        "bench",
        "bench measures all of Fairway, and is no part of it or of its tests",
        ours=PACKAGES - {"tests"},
    ),
]


def modules(layer: Layer) -> Iterator[Path]:
    for path in sorted((ROOT / layer.folder).rglob("*.py")):
        relative = path.relative_to(ROOT).as_posix()
        if not relative.startswith(tuple(f"{folder}/" for folder in layer.beside)):
            yield path


def imports(source: str, package: str) -> Iterator[tuple[str, int]]:
    """Find the dotted name of everything a module imports, also inside its functions, and the line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, node.lineno


def refused(layer: Layer, source: str, path: Path) -> list[str]:
    """Write a sentence for each import of a module that its layer refuses."""
    package = ".".join(path.parent.parts)
    return [
        f"{path}:{line} imports {name}; {layer.why}."
        for name, line in imports(source, package)
        if layer.refuses(name)
    ]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.folder)
def test_a_layer_imports_only_what_it_may(layer: Layer) -> None:
    paths = list(modules(layer))
    assert paths, f"{layer.folder} has no modules: the rule checks nothing"
    found = [
        sentence for path in paths for sentence in refused(layer, path.read_text(), path.relative_to(ROOT))
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("policies/x.py", "import os.path"),
        ("policies/x.py", "from urllib import request"),
        ("policies/x.py", "def f():\n    import yaml"),
        ("policies/x.py", "from workers import cluster"),
        ("policies/github/x.py", "from ...app import public"),
        ("policies/repofile/x.py", "import io, yaml"),
        ("policies/images/x.py", "import yaml"),
        ("policies/images/setters/x.py", "import pydantic"),
        ("app/x.py", "import kubernetes.client"),
        ("app/x.py", "from workers.cluster import Client"),
        ("app/x.py", "import importlib\nimportlib.import_module('sandbox.up')"),
        ("app/cli/x.py", "from github import Github"),
        ("workers/x.py", "from flask import Flask"),
        ("workers/x.py", "from app.queue import Queue"),
        ("sandbox/x.py", "from policies import errors"),
        ("sandbox/x.py", "import workers.git"),
        ("toolchain/x.py", "import click"),
        ("toolchain/x.py", "from policies.errors import FairwayError"),
        ("bench/x.py", "from tests.fixtures.engine import engine"),
    ],
)
def test_a_forbidden_import_is_found(path: str, source: str) -> None:
    found = refused(layer_of(Path(path)), source, Path(path))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:{source.count(chr(10)) + 1} imports ")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "policies/x.py",
            "from urllib.parse import urlsplit\nimport re2, pydantic\nfrom policies import errors",
        ),
        ("policies/github/x.py", "from . import events\nfrom ..errors import FairwayError"),
        ("policies/repofile/x.py", "import yaml\nfrom policies.tenancy import Tenant"),
        ("app/x.py", "from app import metrics\nimport flask, toolchain"),
        ("app/cli/x.py", "from workers.cluster import connect\nfrom sandbox import up"),
        ("sandbox/x.py", "from policies import kinds\nfrom policies.kinds import GitRepository"),
        ("toolchain/x.py", "from rich.console import Console\nimport fcntl"),
    ],
)
def test_an_allowed_import_is_not(path: str, source: str) -> None:
    assert refused(layer_of(Path(path)), source, Path(path)) == []


def layer_of(path: Path) -> Layer:
    """The layer with the longest folder that holds the path."""
    holding = [layer for layer in LAYERS if path.as_posix().startswith(f"{layer.folder}/")]
    return max(holding, key=lambda layer: len(layer.folder))


def test_the_front_door_keeps_off_its_own_command_line() -> None:
    door = layer_of(Path("app/x.py"))
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}; app/cli may use the workers, app may not."
        for path in modules(door)
        for name, line in imports(path.read_text(), ".".join(path.relative_to(ROOT).parent.parts))
        if name == "app.cli" or name.startswith("app.cli.")
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", sorted((ROOT / "policies").rglob("*.py")), ids=lambda path: path.stem)
def test_policies_take_the_time_and_touch_no_files(path: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {call}(); pass it in instead."
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and (call := ast.unparse(node.func)).split(".")[-1]
        in ("now", "utcnow", "today", "open", "print", "input")
        and call.split(".")[0] in ("datetime", "date", "open", "print", "input")
    ]
    assert not found, "\n".join(found)


def loaded_by(*names: str) -> frozenset[str]:
    """Import modules in a fresh interpreter and say what that loaded, directly or through others."""
    program = f"import {', '.join(names)}, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return frozenset(done.stdout.split())


def names_below(folder: str) -> list[str]:
    paths = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / folder).rglob("*.py"))
    return [".".join(path.parts).removesuffix(".__init__") for path in paths if path.name != "__main__"]


def test_importing_all_policies_loads_no_adapter() -> None:
    loaded = {name.split(".")[0] for name in loaded_by(*names_below("policies"))}
    assert not loaded & (OUTSIDE | WEB | {"celery", "redis", "rich", "workers", "app", "sandbox"})


def test_importing_the_front_door_loads_no_adapter() -> None:
    door = [name for name in names_below("app") if not name.startswith("app.cli")]
    loaded = {name.split(".")[0] for name in loaded_by(*door)}
    assert not loaded & {"kubernetes", "pygit2", "github", "workers", "sandbox"}


def test_importing_the_workers_loads_no_web_framework_and_not_pygithub() -> None:
    # Celery itself needs click; PyGithub costs 50 MiB, so it is imported where it is used.
    loaded = {name.split(".")[0] for name in loaded_by(*names_below("workers"))}
    assert not loaded & {"flask", "werkzeug", "gunicorn", "app", "sandbox", "github"}
    # The clouds' libraries are extras, so they may be missing.
    assert not loaded & {"botocore", "azure", "msal", "google"}
