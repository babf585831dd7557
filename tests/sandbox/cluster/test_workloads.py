# SPDX-License-Identifier: Apache-2.0
"""Workloads become what they would become on a real cluster."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from sandbox.kube import Object
from tests.sandbox.cluster.live import Namespace, condition, containers, until


def test_a_deployment_becomes_available(namespace: Namespace) -> None:
    namespace.workload("Deployment", "web", replicas=3)
    until(
        lambda: (
            condition(namespace.get("apps/v1", "deployments", "web"), "Available") == "True"
            and namespace.get("apps/v1", "deployments", "web")["status"].get("readyReplicas") == 3
        ),
        "three ready replicas",
    )


def test_a_new_image_replaces_the_pods(namespace: Namespace) -> None:
    namespace.workload("Deployment", "web", replicas=2)
    until(lambda: len(namespace.ready_pods()) == 2, "two pods")
    template = {"spec": {"template": {"spec": containers("web:2")}}}
    namespace.patch("apps/v1", "deployments", "web", template)

    def images() -> list[str]:
        return [pod["spec"]["containers"][0]["image"] for pod in namespace.all("v1", "pods")]

    until(lambda: images() == ["web:2"] * 2, "only pods of the new image")


def test_a_running_pod_reports_what_a_kubelet_reports(namespace: Namespace) -> None:
    inits = [
        {"name": "once", "image": "setup:1"},
        {"name": "sidecar", "image": "proxy:1", "restartPolicy": "Always"},
    ]
    namespace.pod("one", initContainers=inits, **containers("registry.example:5000/a/b:broken-not", "b"))
    until(lambda: namespace.ready_pods(), "the pod ready")
    pod = namespace.get("v1", "pods", "one")
    status = pod["status"]
    assert pod["spec"]["nodeName"] == "sandbox"
    assert status["phase"] == "Running"
    for name in ("PodScheduled", "Initialized", "ContainersReady", "Ready"):
        assert condition(pod, name) == "True", name
    assert [(c["name"], c["ready"], list(c["state"])) for c in status["containerStatuses"]] == [
        ("c0", True, ["running"]),
        ("c1", True, ["running"]),
    ]
    once, sidecar = status["initContainerStatuses"]
    assert once["state"]["terminated"]["reason"] == "Completed"
    assert "running" in sidecar["state"]
    assert status["hostIP"] == "10.77.0.1"
    assert status["startTime"]
    assert status["podIPs"] == [{"ip": status["podIP"]}]


def test_every_pod_has_an_address_of_its_own(namespace: Namespace) -> None:
    namespace.workload("Deployment", "web", replicas=40)
    until(lambda: len(namespace.ready_pods()) == 40, "forty pods")
    pods = namespace.kube.listed("/api/v1/pods")[0]
    addresses = [pod["status"]["podIP"] for pod in pods if pod["status"].get("podIP")]
    assert len(addresses) >= 40
    assert len(set(addresses)) == len(addresses)
    assert all(ipaddress.ip_address(a) in ipaddress.ip_network("10.77.0.0/16") for a in addresses)


@pytest.mark.parametrize(
    "image",
    ["web:broken", "registry.example:5000/acme/web:broken", "web:broken@sha256:" + "0" * 64],
    ids=["tag", "registry with port", "tag and digest"],
)
def test_a_broken_image_is_never_pulled(namespace: Namespace, image: str) -> None:
    namespace.pod("bad", **containers("web:1", image))
    pod = until(lambda: _reported(namespace, "bad"), "a status")
    good, bad = pod["status"]["containerStatuses"]
    assert pod["status"]["phase"] == "Pending"
    assert bad["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert bad["state"]["waiting"]["message"].startswith(f'Back-off pulling image "{image}": ErrImagePull: ')
    assert "running" in good["state"]
    ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [c1]"


def test_a_broken_init_container_holds_the_others_back(namespace: Namespace) -> None:
    namespace.pod("bad", initContainers=[{"name": "setup", "image": "setup:broken"}])
    pod = until(lambda: _reported(namespace, "bad"), "a status")
    (init,), (main,) = pod["status"]["initContainerStatuses"], pod["status"]["containerStatuses"]
    assert init["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert main["state"]["waiting"]["reason"] == "PodInitializing"
    assert condition(pod, "Initialized") == "False"


def test_a_mended_image_lets_the_pod_run(namespace: Namespace) -> None:
    namespace.pod("bad", **containers("web:broken"))
    until(lambda: _reported(namespace, "bad"), "a status")
    assert not namespace.ready_pods()
    namespace.patch("v1", "pods", "bad", {"spec": containers("web:1")})
    until(namespace.ready_pods, "the pod ready")


def test_a_deployment_of_a_broken_image_does_not_progress(namespace: Namespace) -> None:
    namespace.workload("Deployment", "web", image="web:broken", replicas=1, progressDeadlineSeconds=1)
    until(
        lambda: condition(namespace.get("apps/v1", "deployments", "web"), "Progressing") == "False",
        "Progressing False",
    )
    assert condition(namespace.get("apps/v1", "deployments", "web"), "Available") == "False"


def test_a_job_completes(namespace: Namespace) -> None:
    _job(namespace, "once", completions=3, parallelism=2)
    until(
        lambda: condition(namespace.get("batch/v1", "jobs", "once"), "Complete") == "True", "the Job complete"
    )
    assert namespace.get("batch/v1", "jobs", "once")["status"]["succeeded"] == 3
    phases = {pod["status"]["phase"] for pod in namespace.all("v1", "pods")}
    assert phases == {"Succeeded"}


def test_a_finished_job_goes_after_its_time(namespace: Namespace) -> None:
    _job(namespace, "brief", ttlSecondsAfterFinished=0)
    until(lambda: namespace.find("batch/v1", "jobs", "brief") is None, "the Job gone")


def test_a_job_whose_pod_is_stuck_fails_at_its_deadline_and_leaves_no_pod(namespace: Namespace) -> None:
    # This policy makes the controller wait for the pod's last report before it takes its finalizer off.
    _job(namespace, "stuck", image="x:broken", activeDeadlineSeconds=1, podReplacementPolicy="Failed")
    until(lambda: condition(namespace.get("batch/v1", "jobs", "stuck"), "Failed") == "True", "the Job failed")
    until(lambda: not namespace.all("v1", "pods"), "no pods")


def test_a_cronjob_makes_jobs_that_complete(namespace: Namespace) -> None:
    template = {"spec": {"template": {"spec": containers("job:1", restartPolicy="Never")}}}
    spec = {"schedule": "* * * * *", "jobTemplate": template}
    namespace.create("batch/v1", "cronjobs", {"kind": "CronJob", "metadata": {"name": "often"}, "spec": spec})
    until(
        lambda: (namespace.get("batch/v1", "cronjobs", "often").get("status") or {}).get(
            "lastSuccessfulTime"
        ),
        "a run that ended well",
        within=90,
    )


def test_a_statefulset_starts_its_pods_in_order_each_with_its_volume(namespace: Namespace) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    namespace.workload("StatefulSet", "db", replicas=2, serviceName="db", volumeClaimTemplates=[claim])
    until(
        lambda: namespace.get("apps/v1", "statefulsets", "db")["status"].get("readyReplicas") == 2,
        "two ready replicas",
    )
    assert [pod["metadata"]["name"] for pod in namespace.ready_pods()] == ["db-0", "db-1"]

    def claims() -> list[tuple[str, str]]:
        found = namespace.all("v1", "persistentvolumeclaims")
        return [(claim["metadata"]["name"], claim["status"]["phase"]) for claim in found]

    until(lambda: claims() == [("data-db-0", "Bound"), ("data-db-1", "Bound")], "both claims bound")


def test_a_statefulset_replaces_a_deleted_pod_under_the_same_name(namespace: Namespace) -> None:
    namespace.workload("StatefulSet", "db", replicas=1, serviceName="db")
    (first,) = until(namespace.ready_pods, "a pod")
    namespace.delete("v1", "pods", "db-0")
    until(
        lambda: [p for p in namespace.ready_pods() if p["metadata"]["uid"] != first["metadata"]["uid"]],
        "another pod of that name",
    )


def test_a_daemonset_runs_on_the_node(namespace: Namespace) -> None:
    namespace.workload("DaemonSet", "agent")
    until(
        lambda: namespace.get("apps/v1", "daemonsets", "agent")["status"].get("numberAvailable") == 1,
        "one available",
    )
    assert namespace.get("apps/v1", "daemonsets", "agent")["status"]["desiredNumberScheduled"] == 1


def test_a_deleted_pod_goes_without_waiting_for_its_grace_period(namespace: Namespace) -> None:
    namespace.pod("gone", terminationGracePeriodSeconds=3600)
    until(namespace.ready_pods, "the pod ready")
    namespace.delete("v1", "pods", "gone")
    until(lambda: namespace.find("v1", "pods", "gone") is None, "the pod gone")


def test_a_gated_pod_waits_for_its_gate(namespace: Namespace) -> None:
    namespace.pod("gated", schedulingGates=[{"name": "example.com/wait"}])
    namespace.pod("free")
    until(namespace.ready_pods, "the free pod ready")
    assert "nodeName" not in namespace.get("v1", "pods", "gated")["spec"]
    namespace.patch("v1", "pods", "gated", {"spec": {"schedulingGates": None}})
    until(lambda: len(namespace.ready_pods()) == 2, "both pods ready")


def test_a_service_of_ready_pods_has_them_as_endpoints(namespace: Namespace) -> None:
    namespace.workload("Deployment", "web", replicas=2)
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    namespace.create("v1", "services", {"kind": "Service", "metadata": {"name": "web"}, "spec": spec})

    def endpoints() -> set[str]:
        slices = namespace.all("discovery.k8s.io/v1", "endpointslices")
        found = [e for part in slices for e in part.get("endpoints") or [] if e["conditions"]["ready"]]
        return {address for endpoint in found for address in endpoint["addresses"]}

    until(lambda: len(endpoints()) == 2, "two endpoints")
    assert endpoints() == {pod["status"]["podIP"] for pod in namespace.ready_pods()}


def test_a_disruption_budget_counts_healthy_pods(namespace: Namespace) -> None:
    namespace.workload("Deployment", "web", replicas=2)
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    body = {"kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": spec}
    namespace.create("policy/v1", "poddisruptionbudgets", body)

    def status() -> Object:
        found: Object = namespace.get("policy/v1", "poddisruptionbudgets", "web").get("status") or {}
        return found

    until(lambda: status().get("currentHealthy") == 2, "two healthy pods")
    until(lambda: status().get("disruptionsAllowed") == 1, "one disruption allowed")


def test_an_autoscaler_knows_its_target(namespace: Namespace) -> None:
    namespace.workload("Deployment", "web", replicas=1)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"minReplicas": 3, "maxReplicas": 5, "scaleTargetRef": target}
    body = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}
    namespace.create("autoscaling/v2", "horizontalpodautoscalers", body)
    until(
        lambda: len(namespace.ready_pods()) == 3, "three replicas, the least the autoscaler allows", within=60
    )


def test_the_node_stays_ready_and_free_of_taints(namespace: Namespace) -> None:
    node = namespace.kube.call("GET", "/api/v1/nodes/sandbox")
    assert condition(node, "Ready") == "True"
    assert not node["spec"].get("taints")


def _job(namespace: Namespace, name: str, *, image: str = "job:1", **spec: Any) -> None:
    template = {"spec": containers(image, restartPolicy="Never")}
    body = {"kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **spec}}
    namespace.create("batch/v1", "jobs", body)


def _reported(namespace: Namespace, name: str) -> Object | None:
    pod = namespace.get("v1", "pods", name)
    return pod if pod["status"].get("containerStatuses") else None
