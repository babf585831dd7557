# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolchain import machine
from toolchain.modules import Cost, Module

MODULE = Module("fairway-x", "x", "a thing", Cost(8, 12, 3000, 2000, 110))


@pytest.mark.parametrize(
    ("cores", "memory", "jobs"),
    [(4, 8000, None), (4, 2000, None), (4, None, None), (4, 1500, 3), (2, 1000, 1), (8, 100, 1)],
)
def test_fewer_packages_are_compiled_at_once_where_memory_is_short(
    cores: int, memory: int | None, jobs: int | None
) -> None:
    assert machine.jobs(MODULE, cores=cores, memory=memory) == jobs


def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})


def test_a_first_build_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    two_cores(monkeypatch)
    text = machine.announcement(MODULE, packages=0, missing=0, optimised=False)
    assert text == (
        "Building fairway-x (a thing), all its packages: about 4 minutes, 2.9 GiB of disk and 2.0 GiB of"
        " memory on 2 cores, after a download of up to 110 MiB.\n"
        "It is done once. Interrupt it when you like: the next run goes on from there."
    )


def test_a_resumed_build_takes_only_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    two_cores(monkeypatch)
    text = machine.announcement(MODULE, packages=2462, missing=246, optimised=True)
    assert "246 of its 2\u202f462 packages: less than a minute, 300 MiB of disk" in text
    assert "download" not in text


def test_too_small_a_disk_is_warned_of(tmp_path: Path) -> None:
    huge = Module("fairway-x", "x", "a thing", Cost(8, 12, 10**9, 1, 1))
    environment = {"GOCACHE": str(tmp_path / "not" / "there")}
    found = machine.warnings(huge, environment=environment, share=1.0)
    assert len(found) == 1
    assert f"free on the disk of {tmp_path}/not/there" in found[0]
    assert machine.warnings(huge, environment=environment, share=0.0) == []
