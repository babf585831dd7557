# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
from typing import Any

import pytest

from policies import drift
from policies.objects import Object


def entry(fields: Any, **more: Any) -> Object:
    return {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": fields, **more}


LIVE: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "a",
        "labels": {"app": "web"},
        "resourceVersion": "7",
        "uid": "u",
        "managedFields": [
            entry({"f:status": {}}, subresource="status"),
            {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}},
            entry({"f:data": {"f:a": {}}}, time="2026-11-23T15:00:00Z"),
        ],
    },
    "data": {"a": "1"},
    "status": {"seen": 1},
}


def changed(path: str, value: Any) -> Object:
    obj = copy.deepcopy(LIVE)
    *parents, last = path.split(".")
    place = obj
    for name in parents:
        place = place[name]
    place[last] = value
    return obj


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(LIVE, id="nothing"),
        pytest.param(changed("status", {"seen": 2}), id="status"),
        pytest.param(changed("metadata.resourceVersion", "8"), id="the-version"),
        pytest.param(changed("metadata.generation", 3), id="the-generation"),
        pytest.param(
            changed("metadata.creationTimestamp", "2026-11-23T15:00:00Z"), id="the-time-of-creation"
        ),
        pytest.param(changed("metadata.uid", "v"), id="the-uid"),
        pytest.param(
            changed("metadata.managedFields", [entry({"f:data": {"f:a": {}}}, time="2026-11-23T16:00:00Z")]),
            id="the-time-of-our-entry-and-others'-entries",
        ),
    ],
)
def test_bookkeeping_is_no_drift(answer: Object) -> None:
    assert not drift.drifted(LIVE, answer)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(changed("data", {"a": "2"}), id="a-value"),
        pytest.param(changed("data", {}), id="a-value-that-goes"),
        pytest.param(changed("type", "Opaque"), id="a-new-field"),
        pytest.param(changed("metadata.labels", {"app": "api"}), id="a-label"),
        pytest.param(changed("metadata.annotations", {"a": "b"}), id="an-annotation"),
        pytest.param(changed("metadata.finalizers", ["x"]), id="a-finalizer"),
        pytest.param(changed("metadata.ownerReferences", [{"name": "x"}]), id="an-owner"),
        pytest.param(
            changed("metadata.managedFields", [entry({"f:data": {"f:a": {}, "f:b": {}}})]),
            id="a-field-that-becomes-ours",
        ),
        pytest.param(changed("metadata.managedFields", []), id="our-entry-that-goes"),
        pytest.param(changed("metadata.managedFields", None), id="no-entries-at-all"),
    ],
)
def test_what_a_user_wrote_is_drift(answer: Object) -> None:
    assert drift.drifted(LIVE, answer)
    assert drift.drifted(answer, LIVE)


def test_objects_without_metadata_compare_by_what_they_have() -> None:
    assert not drift.drifted({"data": {}}, {"data": {}, "metadata": None})
