# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import timedelta

import pytest

from policies import clock
from policies.health import BY_METADATA, Health, Verdict, status
from tests.policies.health.objects import ALL, NOW, UNSCHEDULABLE, Case, pod


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_each_state_has_its_verdict_and_words(case: Case) -> None:
    expected = Health(Verdict(case.verdict), case.message, case.reason)
    assert status(case.obj, now=clock.parse(NOW)) == expected


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(14, Verdict.IN_PROGRESS), (15, Verdict.FAILED), (3600, Verdict.FAILED)]
)
def test_a_pod_has_fifteen_seconds_to_find_a_node(seconds: int, verdict: Verdict) -> None:
    waiting = pod("Pending", UNSCHEDULABLE, created=NOW)
    assert status(waiting, now=clock.parse(NOW) + timedelta(seconds=seconds)).verdict is verdict


def test_a_pod_without_node_stays_in_progress_when_nobody_says_what_time_it_is() -> None:
    assert status(pod("Pending", UNSCHEDULABLE, created=NOW)).verdict is Verdict.IN_PROGRESS


@pytest.mark.parametrize(
    "obj", [{}, {"metadata": None, "status": None}, {"kind": "ConfigMap"}, {"spec": []}], ids=str
)
def test_an_object_with_hardly_anything_in_it_is_judged(obj: dict[str, object]) -> None:
    assert status(obj).verdict is Verdict.CURRENT


def test_what_is_judged_by_its_metadata_is_judged_alike_with_all_it_holds() -> None:
    for group, kind in BY_METADATA:
        api_version = f"{group}/v1" if group else "v1"
        metadata = {"name": "one", "namespace": "apps", "uid": "1", "generation": 2}
        for gone in ({}, {"deletionTimestamp": "2026-11-23T15:00:00Z"}):
            bare = {"apiVersion": api_version, "kind": kind, "metadata": {**metadata, **gone}}
            full = {**bare, "spec": {"a": 1}, "data": {"b": "c"}, "status": {"loadBalancer": {}}}
            assert status(bare) == status(full), kind
