# SPDX-License-Identifier: Apache-2.0
"""What holds for every file of the repository, whoever wrote it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LICENCE = "SPDX-License-Identifier: Apache-2.0"
PRODUCT = ("app/", "policies/", "workers/", "sandbox/", "toolchain/", "bench/")
LARGEST_MODULE = 400
LARGEST_TEST = 600

# Where packages come from is the user's own setting, so no file of ours may fix it.
REGISTRIES = re.compile(
    r"\b("
    r"pypi\.org|pypi\.python\.org|pythonhosted\.org|proxy\.golang\.org|sum\.golang\.org|goproxy\.\w+"
    r"|registry\.npmjs\.org|registry\.yarnpkg\.com|deb\.debian\.org|archive\.ubuntu\.com|index-url[ =]+https?"
    r")\b"
)
# Folders that exist on the machine of whoever wrote the line.
MACHINE = re.compile(
    r"(?<![\w.{}$-])/(root|home/(?!nonroot\b|fairway\b)[a-z]\w*|Users/\w+|work|opt/wheels)(/|\b)(?!-)"
)
SECRETS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]|\bgh[pousr]_[A-Za-z0-9]{36}\b")


def committed() -> list[str]:
    """Every file that is, or is about to be, in Git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(path for path in listed if path and (ROOT / path).is_file())


FILES = committed()
TEXTS = [path for path in FILES if b"\0" not in (ROOT / path).read_bytes()[:8192]]
PYTHON = [path for path in FILES if path.endswith(".py")]
SOURCES = [*PYTHON, *(path for path in FILES if path.endswith(".go"))]


def matches(pattern: re.Pattern[str], paths: list[str]) -> list[str]:
    found = []
    for path in paths:
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), 1):
            if hit := pattern.search(line):
                found.append(f"{path}:{number} names {hit.group()}")
    return found


def without(*paths: str) -> list[str]:
    return [path for path in TEXTS if path not in paths]


def test_there_are_files_to_check() -> None:
    assert len(SOURCES) > 100
    assert "pyproject.toml" in TEXTS


def test_no_file_names_a_package_registry() -> None:
    assert matches(REGISTRIES, without("tests/test_sources.py")) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert matches(MACHINE, without("tests/test_sources.py")) == []


def test_no_file_holds_a_secret() -> None:
    assert [path for path in TEXTS if SECRETS.search((ROOT / path).read_text(errors="replace"))] == []


def test_every_source_begins_with_its_licence() -> None:
    wanted = {".py": f"# {LICENCE}", ".go": f"// {LICENCE}"}
    first_lines = {path: (ROOT / path).read_text().partition("\n") for path in SOURCES}
    # An empty __init__.py holds nothing to license.
    wrong = [
        path for path, (first, end, _) in first_lines.items() if end and first != wanted[Path(path).suffix]
    ]
    assert wrong == []


def test_every_module_is_small_enough_to_be_read_at_once() -> None:
    sizes = {path: len((ROOT / path).read_text().splitlines()) for path in PYTHON}
    limits = {path: LARGEST_MODULE if path.startswith(PRODUCT) else LARGEST_TEST for path in PYTHON}
    assert {path: size for path, size in sizes.items() if size > limits[path]} == {}, "split it by its ideas"


def test_requirements_are_all_locked_by_hashes() -> None:
    logical = (ROOT / "requirements.txt").read_text().replace("\\\n", " ").splitlines()
    named = [line for line in logical if line.strip() and not line.startswith("#")]
    assert named
    assert [line for line in named if "==" not in line or "--hash=sha256:" not in line] == []


def test_no_file_is_left_half_merged() -> None:
    assert matches(re.compile(r"^(<{7} |>{7} )"), TEXTS) == []
