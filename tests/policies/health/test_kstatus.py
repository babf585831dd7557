# SPDX-License-Identifier: Apache-2.0
"""Flux's own status readers and ours are given the same objects."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.health import status, with_pods
from tests.fixtures.kstatus import Kstatus
from tests.policies.health.objects import (
    ALL,
    AVAILABLE,
    NOW,
    ROLLED_OUT,
    UNSCHEDULABLE,
    Case,
    condition,
    live,
    pod,
    stateful_set,
)

Object = dict[str, Any]


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_flux_gives_each_state_the_same_verdict_and_words(kstatus: Kstatus, case: Case) -> None:
    flux = kstatus.judge(case.obj)
    assert flux.status == case.verdict
    assert bool(flux.error) == (case.verdict == "Unknown")
    assert flux.error or flux.message == case.message


_COUNT = st.integers(-1, 4)
_PROGRESS = [ROLLED_OUT, condition("Progressing", "False", "ProgressDeadlineExceeded")]
_STATUSES = ("True", "False", "Unknown")
_CONDITIONS = st.lists(
    st.one_of(
        st.sampled_from([AVAILABLE, UNSCHEDULABLE, *_PROGRESS]),
        st.builds(
            condition,
            st.sampled_from(
                ["Ready", "Reconciling", "Stalled", "Complete", "Failed", "ReplicaFailure", "Established"]
            ),
            st.sampled_from(_STATUSES),
            st.sampled_from(["", "Installing", "NewReplicaSetAvailable"]),
            st.sampled_from(["", "some words"]),
        ),
    ),
    max_size=3,
)
_COUNTERS = [
    *("replicas", "readyReplicas", "updatedReplicas", "currentReplicas", "availableReplicas"),
    *("fullyLabeledReplicas", "desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled"),
    *("numberAvailable", "numberReady", "observedGeneration", "active", "succeeded", "failed"),
]
_ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "2", 1.5, True, [], {}]
)  # what a counter of a custom kind may hold
_STATUS = st.builds(
    lambda counters, rest: {**counters, **rest},
    st.dictionaries(st.sampled_from(_COUNTERS), _COUNT | _ODD),
    st.fixed_dictionaries(
        {},
        optional={
            "conditions": _CONDITIONS,
            "phase": st.sampled_from(["Running", "Pending", "Bound", "Succeeded", ""]),
            "startTime": st.just(NOW),
            "currentRevision": st.sampled_from(["a", "b"]),
            "updateRevision": st.sampled_from(["a", "b"]),
        },
    ),
)
_SPEC = st.fixed_dictionaries(
    {},
    optional={
        "replicas": _COUNT,
        "progressDeadlineSeconds": st.sampled_from([600, 2**31 - 1]),
        "parallelism": _COUNT,
        "completions": _COUNT,
        "suspend": st.booleans(),
        "type": st.sampled_from(["ClusterIP", "LoadBalancer", "ExternalName"]),
        "clusterIP": st.sampled_from(["", "10.0.0.1"]),
        "updateStrategy": st.builds(
            lambda kind, partition: {"type": kind, "rollingUpdate": {"partition": partition}},
            st.sampled_from(["OnDelete", "RollingUpdate"]),
            _COUNT,
        ),
    },
)
_KINDS = st.sampled_from(
    [
        *(f"apps/v1/{kind}" for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")),
        *("batch/v1/Job", "v1/Service", "v1/Pod", "v1/PersistentVolumeClaim", "example.com/v1/Gadget"),
        "apiextensions.k8s.io/v1/CustomResourceDefinition",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=_KINDS, found=_STATUS, spec=_SPEC, generation=st.sampled_from([0, 1, 3]))
def test_flux_agrees_on_states_nobody_thought_of(
    kstatus: Kstatus, kind: str, found: Object, spec: Object, generation: int
) -> None:
    obj = live(kind, found, spec, generation=generation, creationTimestamp="2020-01-01T00:00:00Z")
    flux, ours = kstatus.judge(obj), status(obj, now=datetime.now(UTC))
    assert ours.verdict == flux.status
    assert flux.error or ours.message == flux.message


_READY = pod("Running", condition("Ready", "True"))
_CRASHES = pod("Running", waiting="CrashLoopBackOff")
_HOMELESS = pod("Pending", UNSCHEDULABLE, created="2020-01-01T00:00:00Z")
_LEAVING = {**_CRASHES, "metadata": {**_CRASHES["metadata"], "deletionTimestamp": NOW}}


@pytest.mark.parametrize(
    ("pods", "failing"),
    [
        ([], 0),
        ([_READY], 0),
        ([_CRASHES], 1),
        ([_CRASHES, _READY, _CRASHES], 2),
        ([_HOMELESS], 0),
        ([_LEAVING], 0),
    ],
    ids=["none", "ready", "one crashes", "two crash", "no node yet", "being deleted"],
)
@pytest.mark.parametrize("ready", [0, 2], ids=["set in progress", "set complete"])
def test_pods_that_failed_fail_a_set_in_progress_as_in_flux(
    kstatus: Kstatus, pods: list[Object], failing: int, ready: int
) -> None:
    workload = stateful_set(ready=ready)
    flux = kstatus.judge(workload, pods)
    ours = with_pods(status(workload), pods, now=datetime.now(UTC))
    assert (ours.verdict, ours.message) == (flux.status, flux.message)
    assert ours.failed == bool(failing and not ready)
    assert not ours.failed or ours.message == f"{failing} pods have failed"
