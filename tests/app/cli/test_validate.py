# SPDX-License-Identifier: Apache-2.0
"""`fairway validate` as a person and a program meet it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from app.cli.validate import validate
from policies.errors import FairwayError
from policies.kinds import RepositoryBinding
from policies.kinds.crd import document
from policies.objects import ObjectRef
from policies.repofile.schema import published
from tests.fixtures.cluster import Cluster
from workers.cluster import NotFound, connect

FINE = "version: 1\norders: {hold: off}\n"
WRONG = "version: 1\norders:\n  promot: off\n  retry: {users: [alice, alice]}\n"
TOO_FAR = "version: 1\nenvironments:\n  prod: {namespaces: [apps, infra]}\n"


def binding(name: str = "fleet", number: int = 512345) -> dict[str, Any]:
    return {
        "apiVersion": "fairway.dev/v1alpha1",
        "kind": "RepositoryBinding",
        "metadata": {"name": name},
        "spec": {
            "repository": {"owner": "acme", "name": name, "id": number},
            "namespaces": ["apps"],
            "environments": [{"name": "prod"}],
        },
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAIRWAY_CLUSTER", raising=False)
    return tmp_path


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(validate, arguments, input=stdin)


def written(place: Path, text: str, name: str = ".fairway.yaml") -> str:
    (place / name).write_text(text)
    return name


def test_a_file_that_can_be_used_is_said_so(place: Path) -> None:
    written(place, FINE)
    found = run()
    assert (found.exit_code, found.stdout, found.stderr) == (0, "", ".fairway.yaml: can be used\n")


def test_what_is_wrong_is_said_as_a_compiler_does(place: Path) -> None:
    found = run(written(place, WRONG, "other.yaml"))
    assert found.exit_code == 1
    assert found.stdout == (
        "other.yaml:3:3: error: orders.promot: there is no such order: did you mean promote?\n"
    )
    assert found.stderr == "1 error\n"


def test_a_warning_does_not_fail(place: Path) -> None:
    found = run("-", stdin=WRONG.replace("promot:", "lock:"))
    assert found.exit_code == 0
    assert found.stdout.startswith("<stdin>:4:26: warning: orders.retry.users[1]: ")
    assert found.stderr == "1 warning\n"


def test_a_program_gets_json(place: Path) -> None:
    written(place, WRONG)
    found = run("--json")
    assert (found.exit_code, found.stderr) == (1, "")
    assert json.loads(found.stdout) == {
        "file": ".fairway.yaml",
        "valid": False,
        "problems": [
            {
                "line": 3,
                "column": 3,
                "endLine": 3,
                "level": "failure",
                "path": "orders.promot",
                "message": "there is no such order",
                "remedy": "did you mean promote?",
            }
        ],
    }
    assert json.loads(run("-", "--json", stdin=FINE).stdout) == {
        "file": "<stdin>",
        "valid": True,
        "problems": [],
    }


def test_the_schema_is_printed_without_a_file(place: Path) -> None:
    found = run("--schema")
    assert (found.exit_code, json.loads(found.stdout)) == (0, published())


def test_bindings_in_a_file_say_what_reaches_beyond_them(place: Path) -> None:
    written(place, TOO_FAR)
    assert run().exit_code == 0
    listed = {"kind": "List", "items": [{"kind": "Namespace"}, binding()]}
    bindings = written(place, yaml.safe_dump_all([None, listed]), "bindings.yaml")
    found = run("--binding", bindings)
    assert found.exit_code == 1
    assert found.stdout == (
        ".fairway.yaml:3:29: error: environments.prod.namespaces[1]: the binding does not have namespace"
        " infra in prod: it has apps\n"
    )
    found = run("-", "--binding", bindings, stdin=FINE)
    assert found.stderr == "<stdin>: can be used, and asks for nothing that the bindings do not grant\n"


def test_of_several_repositories_one_is_chosen(place: Path) -> None:
    written(place, TOO_FAR)
    bindings = written(
        place, yaml.safe_dump_all([binding(), binding("web", 7), binding("web", 7)]), "bindings.yaml"
    )
    assert "acme/fleet, acme/web: give --repository" in str(run("--binding", bindings).exception)
    assert "infra" in run("--binding", bindings, "--repository", "Acme/Web").stdout
    nobody = run("--binding", bindings, "--repository", "acme/other").exception
    assert str(nobody) == "no RepositoryBinding names acme/other"


def test_of_several_instances_one_is_chosen(place: Path) -> None:
    written(
        place,
        "version: 1\ninstances: {eu: {home: on, environments: [dev]}, us: {environments: [prod]}}\n",
    )
    bindings = written(place, yaml.safe_dump(binding()), "bindings.yaml")
    assert "give --cluster, one of eu, us" in str(run("--binding", bindings).exception)
    assert "environments[0]" in run("--binding", bindings, "--cluster", "eu").stdout
    assert run("--binding", bindings, "--cluster", "us").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.yaml"], "gone.yaml cannot be read: No such file"),
        ([], "go to the top of the repository"),
        (["fine.yaml", "--binding", "fine.yaml"], "fine.yaml has no RepositoryBinding"),
        (["fine.yaml", "--binding", "broken.yaml"], "broken.yaml is no YAML"),
        (["fine.yaml", "--binding", "half.yaml"], "spec.repository"),
    ],
)
def test_what_keeps_it_from_being_checked_is_said(place: Path, arguments: list[str], said: str) -> None:
    written(place, FINE, "fine.yaml")
    written(place, "a: [", "broken.yaml")
    written(place, yaml.safe_dump({**binding(), "spec": {}}), "half.yaml")
    error = run(*arguments).exception
    assert isinstance(error, FairwayError)
    assert said in str(error)


def test_the_line_is_shown_on_a_terminal(place: Path) -> None:
    """A real one: colours, the line and a mark below it; what would steer the terminal does not."""
    text = f"version: 1\norders: {{lock: {{users: [{', '.join(f'u{n}' for n in range(60))}, 'ä b']}}}}\n"
    written(place, text + "# \x1b[31m\n")
    shown = on_a_terminal(place)
    assert "U+001B" in shown
    assert "3 │ # \ufffd[31m" in shown
    written(place, text)
    lines = on_a_terminal(place).splitlines()
    excerpt, mark = (line.partition("│")[2] for line in lines[1:3])
    assert excerpt.index("'ä b'") == mark.index("^~~~~")
    assert max(map(len, lines[1:3])) <= 80


def on_a_terminal(place: Path) -> str:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "app.cli", "validate"]
    ended = subprocess.run(
        command,
        cwd=place,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    shown = b""
    # A terminal whose other side is closed has no more to say, which Linux reports as an error.
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass
    os.close(ours)
    assert ended.returncode == 1
    return shown.decode().replace("\r\n", "\n")


def test_the_bindings_of_a_cluster_say_what_reaches_beyond_them(place: Path, cluster: Cluster) -> None:
    written(place, TOO_FAR)
    client = connect(kubeconfig=str(cluster.kubeconfig))
    definition = ObjectRef.of(client.apply(document(RepositoryBinding), manager="test"))
    deadline = time.monotonic() + 20
    while True:
        try:
            made = client.apply(binding("validated", 77), manager="test")
            break
        except NotFound:
            assert time.monotonic() < deadline, f"{definition} is not served"
            time.sleep(0.05)
    try:
        found = run("--kubeconfig", str(cluster.kubeconfig), "--repository", "acme/validated")
        assert found.exit_code == 1, found.exception
        assert "the binding does not have namespace infra in prod" in found.stdout
    finally:
        client.delete(ObjectRef.of(made))
