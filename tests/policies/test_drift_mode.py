# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import drift_mode
from tests.policies.made import OTHER_REVISION, REVISION, kustomization

WARN = {"annotations": {drift_mode.ANNOTATION: "warn"}}
APPLIED = {"digest": "sha256:1", "lastReconciledStatus": "ReconciliationSucceeded"}
FAILED = {"digest": "sha256:2", "lastReconciledStatus": "HealthCheckFailed"}


def only_reports(
    *, metadata: Any = WARN, digest: str = "sha256:1", revision: str = REVISION, **more: Any
) -> bool:
    status = {"lastAppliedRevision": REVISION, "observedGeneration": 1, "history": [APPLIED]} | more
    return drift_mode.only_reports(
        kustomization(metadata=metadata, **status), revision=revision, digest=digest
    )


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        pytest.param({}, True, id="all-of-it-was-applied"),
        pytest.param({"history": [FAILED, APPLIED]}, True, id="and-failed-later"),
        pytest.param({"metadata": {}}, False, id="not-asked-for"),
        pytest.param({"metadata": {"annotations": {drift_mode.ANNOTATION: "correct"}}}, False, id="correct"),
        pytest.param({"revision": OTHER_REVISION}, False, id="a-new-revision"),
        pytest.param({"digest": "sha256:2"}, False, id="other-objects-of-the-same-revision"),
        pytest.param({"observedGeneration": 0}, False, id="a-changed-kustomization"),
        pytest.param({"history": []}, False, id="nothing-applied-yet"),
        pytest.param({"history": [FAILED], "digest": "sha256:2"}, False, id="never-with-success"),
    ],
)
def test_drift_is_only_reported_of_what_was_applied(case: Any, expected: bool) -> None:
    assert only_reports(**case) is expected


def test_the_message_names_each_object_and_what_to_do() -> None:
    assert drift_mode.message(["ConfigMap/apps/a"], ["Deployment/apps/web"]).splitlines() == [
        "ConfigMap/apps/a missing",
        "Deployment/apps/web changed",
        "commit a change to overwrite it, or remove the annotation fairway.dev/drift",
    ]
