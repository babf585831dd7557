# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from app.cli import generate
from policies.kinds import ALL
from policies.kinds.crd import document

ROOT = Path(__file__).resolve().parents[3]


def test_the_files_of_the_chart_are_what_the_models_say() -> None:
    result = CliRunner().invoke(generate.generate, ["--check"])
    assert result.exit_code == 0, result.output


def test_there_is_one_file_for_each_kind_and_no_other() -> None:
    written = {path.relative_to(ROOT).as_posix() for path in (ROOT / "helm/fairway/crds").iterdir()}
    assert written == {path for path, _ in generate.crds()}
    assert len(written) == len(ALL)


def test_a_file_reads_back_as_the_definition() -> None:
    assert [yaml.safe_load(text) for _, text in generate.crds()] == [document(kind) for kind in ALL]


def test_a_stale_file_is_named_and_then_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    runner = CliRunner()
    assert runner.invoke(generate.generate).exit_code == 0
    assert runner.invoke(generate.generate).output == ""
    stale = tmp_path / "helm/fairway/crds/fairway.dev_repositorybindings.yaml"
    stale.write_text("edited by hand")
    checked = runner.invoke(generate.generate, ["--check"])
    assert checked.exit_code == 1
    assert checked.output.startswith("stale: helm/fairway/crds/fairway.dev_repositorybindings.yaml\n")
    assert "make generate" in checked.output
    assert stale.read_text() == "edited by hand"
    assert runner.invoke(generate.generate).output.startswith("written: ")
    assert runner.invoke(generate.generate, ["--check"]).exit_code == 0
