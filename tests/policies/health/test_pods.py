# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.health import PodTrouble, first_trouble, newest, terminal_reason, trouble

Object = dict[str, Any]
IMAGE = "ghcr.io/acme/web:6.9.1"
TERMINAL = [
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "PostStartHookError",
    "RunContainerError",
    "SignatureValidationFailed",
]
PASSING = ["ContainerCreating", "PodInitializing", "ErrImagePull", "RegistryUnavailable", ""]


def pod(name: str = "web-1", waiting: str = "", created: str = "", **metadata: Any) -> Object:
    state = {"waiting": {"reason": waiting, "message": f"{waiting}: told by the kubelet"}} if waiting else {}
    return {
        "metadata": {"name": name, "creationTimestamp": created, **metadata},
        "spec": {"containers": [{"name": "web", "image": IMAGE}]},
        "status": {"containerStatuses": [{"name": "web", "image": "sha256:0123", "state": state}]},
    }


def of_template(name: str, template: str, created: str, waiting: str = "") -> Object:
    return pod(name, waiting, created, labels={"pod-template-hash": template})


@pytest.mark.parametrize("reason", TERMINAL)
def test_a_reason_no_waiting_mends_is_told_with_the_image_as_it_was_written(reason: str) -> None:
    found = terminal_reason(pod(waiting=reason))
    assert found == PodTrouble("web-1", "web", IMAGE, reason, f"{reason}: told by the kubelet")
    assert str(found) == trouble(pod(waiting=reason)) == f"{reason} for {IMAGE}"


@pytest.mark.parametrize("reason", PASSING)
def test_a_reason_that_may_pass_is_no_trouble(reason: str) -> None:
    assert terminal_reason(pod(waiting=reason)) is None
    assert trouble(pod(waiting=reason)) == ""


@pytest.mark.parametrize("nothing", [{}, {"status": None}, {"status": {"containerStatuses": None}}], ids=str)
def test_a_pod_without_containers_has_no_trouble(nothing: Object) -> None:
    assert terminal_reason(nothing) is None


def test_a_container_nobody_can_read_has_no_trouble() -> None:
    obj = pod(waiting="ImagePullBackOff")
    obj["status"]["containerStatuses"][0]["state"] = "waiting"
    assert terminal_reason(obj) is None


def test_an_init_container_comes_first() -> None:
    obj = pod(waiting="ImagePullBackOff")
    obj["spec"]["initContainers"] = [{"name": "migrate", "image": "migrate:2"}]
    obj["status"]["initContainerStatuses"] = [
        {"name": "migrate", "image": "", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    ]
    assert trouble(obj) == "CrashLoopBackOff for migrate:2"


def test_the_runtimes_image_is_named_when_the_spec_does_not_have_the_container() -> None:
    obj = pod(waiting="ImagePullBackOff")
    obj["spec"]["containers"] = []
    assert trouble(obj) == "ImagePullBackOff for sha256:0123"


@pytest.mark.parametrize(
    ("terminated", "detail"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "exit code 137 (OOMKilled)"),
        ({"exitCode": 1, "reason": "Error"}, "exit code 1"),
        ({"exitCode": 2}, "exit code 2"),
        ({"exitCode": 0, "reason": "Completed"}, "CrashLoopBackOff: told by the kubelet"),
    ],
    ids=["out of memory", "error", "no reason", "ended well"],
)
def test_a_crash_tells_how_the_container_ended(terminated: Object, detail: str) -> None:
    obj = pod(waiting="CrashLoopBackOff")
    obj["status"]["containerStatuses"][0]["lastState"] = {"terminated": terminated}
    found = terminal_reason(obj)
    assert found is not None
    assert found.detail == detail


def test_the_version_that_is_left_behind_has_no_say() -> None:
    old = of_template("web-a", "old", "2026-03-01T10:00:00Z", "CrashLoopBackOff")
    new = of_template("web-b", "new", "2026-03-01T11:00:00Z")
    assert first_trouble([old, new]) == ""
    assert first_trouble([old]) == f"CrashLoopBackOff for {IMAGE}"


def test_any_pod_of_the_new_version_tells_its_trouble() -> None:
    fine = of_template("web-c", "new", "2026-03-01T11:00:01Z")
    bad = of_template("web-b", "new", "2026-03-01T11:00:00Z", "ImagePullBackOff")
    assert first_trouble([fine, bad]) == f"ImagePullBackOff for {IMAGE}"


def test_a_known_revision_goes_before_age() -> None:
    labels = {"controller-revision-hash": "web-2"}
    updated = pod("web-1", created="2026-03-01T10:00:00Z", labels=labels)
    restarted = pod(
        "web-0", "CrashLoopBackOff", "2026-03-01T11:00:00Z", labels={"controller-revision-hash": "web-1"}
    )
    assert newest([restarted, updated], revision="web-2") == [updated]
    assert newest([restarted, updated]) == [restarted]


def test_pods_without_a_template_all_count() -> None:
    pods = [pod("b", created="2026-03-01T11:00:00Z"), pod("a", created="2026-03-01T10:00:00Z")]
    assert [p["metadata"]["name"] for p in newest(pods)] == ["a", "b"]


def test_a_pod_that_is_being_deleted_has_no_say() -> None:
    leaving = pod(waiting="ImagePullBackOff", deletionTimestamp="2026-03-01T12:00:00Z")
    assert first_trouble([leaving]) == ""
    assert newest([leaving]) == newest([]) == []
