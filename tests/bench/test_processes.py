# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from bench.house import Used, grouped
from bench.processes import Stat, command, cpu, descendants, parents, parse_pss, pss

# utime 250, stime 50, and those of children that have ended: 100 and 20 ticks.
STAT = "4711 (a) b (c) S 42 4711 4711 0 -1 4194560 900 0 0 0 250 50 100 20 20 0 8 0 123456 1000 50"
PARENTS = {1: 0, 10: 1, 11: 10, 12: 10, 20: 11, 30: 1}


def test_a_stat_line_is_read_whatever_the_command_is_called() -> None:
    assert Stat.parse(STAT) == Stat(42, pytest.approx(420 / os.sysconf("SC_CLK_TCK")))


def test_memory_is_the_proportional_set_size_and_not_what_it_is_made_of() -> None:
    text = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss: 9999 kB\nPss: 2048 kB\nPss_Dirty: 1024 kB\n"
    assert parse_pss(text) == 2.0
    assert parse_pss("") == 0.0


def test_a_tree_is_the_process_and_all_below_it() -> None:
    assert descendants(10, PARENTS) == [10, 11, 12, 20]
    assert descendants(30, PARENTS) == [30]


def test_a_process_without_a_name_belongs_to_the_one_that_started_it() -> None:
    own = {20: "engine"}
    found = grouped(10, PARENTS, {10: "supervisor", 11: "worker"}, lambda pid, above: own.get(pid, above))
    assert found == {"supervisor": [10, 12], "worker": [11], "engine": [20]}


def test_what_was_used_is_told_apart_by_whose_it_is() -> None:
    before = Used({"worker": 1.0}, {"etcd": 1.0, "kube-apiserver": 2.0, "kube-controller-manager": 5.0})
    after = Used(
        {"worker": 1.5, "worker engine": 0.25},
        {"etcd": 1.5, "kube-apiserver": 4.0, "kube-controller-manager": 9.0},
    )
    used = after.since(before)
    assert used.controller == pytest.approx(0.75), "one that has come since counts from its start"
    assert used.api_server == pytest.approx(2.5), "the controllers of workloads are not the API server"
    assert used.times(2).controller == pytest.approx(1.5)


def test_a_real_process_is_seen_with_its_cpu_and_memory() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        assert parents()[busy.pid] == os.getpid()
        deadline = time.monotonic() + 20
        while cpu([busy.pid]) < 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert command(busy.pid)[-1] == "while True: pass"
        assert 1 < pss([busy.pid]) < 100
    finally:
        busy.kill()
        busy.wait()
    assert (cpu([busy.pid]), pss([busy.pid]), command(busy.pid)) == (0, 0, [""])
