# SPDX-License-Identifier: Apache-2.0
"""`fairway build kustomization` prints what would be applied."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from app.cli.build import build
from policies.errors import FairwayError

KUSTOMIZATION = """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: apps}
spec:
  interval: 10m
  prune: true
  path: ./somewhere/else
  sourceRef: {kind: GitRepository, name: fleet}
  targetNamespace: apps
  postBuild:
    substitute: {greeting: hello}
    substituteFrom: [{kind: ConfigMap, name: vars}]
"""
CONFIG = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {text: '${greeting}', other: '${unset}'}\n"
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, content in {
        "web.yaml": KUSTOMIZATION,
        "base/config.yaml": CONFIG,
        "base/kustomization.yaml": "resources: [config.yaml]\n",
        "overlays/prod/kustomization.yaml": "resources: [../../base]\nnamePrefix: prod-\n",
        "plain/a.yaml": CONFIG,
        "plain/b.yaml": CONFIG.replace("name: web", "name: other"),
        ".sourceignore": "/plain/b.yaml\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def run(repository: Path, path: str, *more: str, name: str = "web") -> Result:
    file = str(repository / "web.yaml")
    arguments = ["kustomization", name, "--kustomization-file", file, "--path", str(repository / path), *more]
    return CliRunner().invoke(build, arguments)


def test_an_overlay_is_rendered_with_its_base_and_its_variables(repository: Path) -> None:
    ended = run(repository, "overlays/prod", "--dry-run")
    assert ended.exit_code == 0, ended.output
    [obj] = [d for d in yaml.safe_load_all(ended.output) if d]
    assert (obj["metadata"]["name"], obj["metadata"]["namespace"]) == ("prod-web", "apps")
    assert obj["data"] == {"text": "hello", "other": None}
    assert obj["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "web",
        "kustomize.toolkit.fluxcd.io/namespace": "apps",
    }


def test_what_is_encrypted_is_printed_as_it_lies_in_the_repository(repository: Path) -> None:
    text = KUSTOMIZATION.replace("interval: 10m", "interval: 10m\n  decryption: {provider: sops}")
    (repository / "web.yaml").write_text(text)
    (repository / "base" / "a.env").write_text("WORD=ENC[AES256_GCM,data:x]\nsops_mac=ENC[y]\n")
    kustomization = "secretGenerator: [{name: s, envs: [a.env]}]\n"
    (repository / "base" / "kustomization.yaml").write_text(kustomization)
    ended = run(repository, "base", "--dry-run")
    assert ended.exit_code == 0, ended.output
    [obj] = [d for d in yaml.safe_load_all(ended.output) if d]
    assert base64.b64decode(obj["data"]["WORD"]) == b"ENC[AES256_GCM,data:x]"


def test_ignore_rules_hold(repository: Path) -> None:
    names = [
        d["metadata"]["name"] for d in yaml.safe_load_all(run(repository, "plain", "--dry-run").output) if d
    ]
    assert names == ["web"]
    ended = run(repository, "plain", "--dry-run", "--ignore-paths", "plain/a.yaml")
    assert [d for d in yaml.safe_load_all(ended.output) if d] == []


@pytest.mark.parametrize(
    ("path", "name", "more", "says"),
    [
        ("plain", "missing", ["--dry-run"], "has no Kustomization named missing"),
        ("plain", "web", ["--dry-run", "--strict-substitute"], "variable not set"),
    ],
)
def test_what_cannot_be_rendered_is_told(
    repository: Path, path: str, name: str, more: list[str], says: str
) -> None:
    ended = run(repository, path, *more, name=name)
    assert isinstance(ended.exception, FairwayError)
    assert says in str(ended.exception)


def test_a_dry_run_needs_the_file(repository: Path) -> None:
    ended = CliRunner().invoke(build, ["kustomization", "web", "--path", str(repository), "--dry-run"])
    assert ended.exit_code == 2
    assert "--kustomization-file" in ended.output
