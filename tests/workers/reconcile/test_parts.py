# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from policies import inventory
from policies.clock import parse
from policies.commit_status import Part
from policies.health import Verdict
from policies.objects import Object, ObjectRef
from tests.fixtures.world import until
from tests.policies.made import AT
from tests.workers.reconcile.conftest import Apply, config_map, crd, deployment, made
from workers.cluster import Client
from workers.engine import Engine
from workers.reconcile import parts
from workers.reconcile.judging import Judge

KSTATUS = Judge(Engine(Path("/nowhere")), {}, now=parse(AT))  # it has no expression to ask an engine about
BROKEN = "ghcr.io/acme/web:broken"  # the tag that the sandbox's kubelet cannot pull


def look(client: Client, pool: ThreadPoolExecutor, *objects: Object, judge: Judge = KSTATUS) -> list[Part]:
    status = {"inventory": inventory.status(ObjectRef.of(obj) for obj in objects)}
    return parts.look(client, pool, {"status": status}, judge)


def with_pods(api_version: str, kind: str, namespace: str, *, image: str, **spec: Any) -> Object:
    labels = {"app": kind.lower()}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
    selector = {"selector": {"matchLabels": labels}}
    return made(api_version, kind, kind.lower(), namespace, spec={**selector, "template": pod, **spec})


def test_everything_in_the_inventory_is_judged(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    web, gone = deployment(namespace, replicas=2), config_map(namespace, "gone")
    apply(config_map(namespace), web)

    def healthy() -> list[Part]:
        found = look(client, pool, config_map(namespace), web, gone)
        return found if next(p for p in found if p.ref.kind == "Deployment").health.current else []

    found = {part.ref.name: part for part in until(healthy, what="two ready pods")}
    assert found["one"].health.current
    assert (found["web"].count, found["web"].trouble) == ("2 of 2 ready", "")
    assert found["gone"].health.verdict is Verdict.NOT_FOUND


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Deployment", {"replicas": 2}),
        ("StatefulSet", {"replicas": 1, "serviceName": "x"}),
        ("DaemonSet", {}),
        ("ReplicaSet", {"replicas": 1}),
    ],
)
def test_an_image_that_cannot_be_pulled_is_told(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str, kind: str, more: dict[str, Any]
) -> None:
    workload = with_pods("apps/v1", kind, namespace, image=BROKEN, **more)
    apply(workload)
    (part,) = until(
        lambda: [p for p in look(client, pool, workload) if p.trouble], what="the trouble of its pods"
    )
    assert part.trouble == f"ImagePullBackOff for {BROKEN}"
    assert not part.health.current


def test_an_image_that_cannot_be_pulled_is_told_of_a_job(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "web", "image": BROKEN}]}}
    job = made("batch/v1", "Job", "migrate", namespace, spec={"template": template})
    apply(job)
    (part,) = until(lambda: [p for p in look(client, pool, job) if p.trouble], what="the trouble of its pod")
    assert (part.trouble, part.count) == (f"ImagePullBackOff for {BROKEN}", "0 of 1 done")


def test_the_trouble_of_an_older_template_is_over(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    broken = deployment(namespace, image=BROKEN)
    apply(broken)
    until(lambda: look(client, pool, broken)[0].trouble, what="the trouble of the first template")
    apply(deployment(namespace, image="ghcr.io/acme/web:2"))
    until(lambda: look(client, pool, broken)[0].health.current, what="the second template to be healthy")
    assert look(client, pool, broken)[0].trouble == ""


def test_a_new_template_that_breaks_is_told_while_the_old_pods_serve(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    web = deployment(namespace)
    apply(web)
    until(lambda: look(client, pool, web)[0].health.current, what="the first template to be healthy")
    apply(deployment(namespace, image=BROKEN))
    (part,) = until(
        lambda: [p for p in look(client, pool, web) if p.trouble], what="the trouble of the second"
    )
    assert (part.trouble, part.count) == (f"ImagePullBackOff for {BROKEN}", "0 of 1 ready")


def test_what_may_not_be_read_is_unknown_and_hides_no_other(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    apply(config_map(namespace))
    nobody = client.impersonate(f"system:serviceaccount:{namespace}:nobody")
    (part,) = look(nobody, pool, config_map(namespace))
    assert part.health.verdict is Verdict.UNKNOWN
    assert "cannot get resource" in part.health.message


def test_a_kind_of_somebody_s_own_with_a_workload_s_name_has_no_pods(
    fresh: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    group = f"{namespace}.example"
    definition = crd(group)
    spec = definition["spec"]
    spec["names"] = {"plural": "jobs", "singular": "job", "kind": "Job", "listKind": "JobList"}
    spec["scope"], definition["metadata"]["name"] = "Cluster", f"jobs.{group}"
    schema = spec["versions"][0]["schema"]["openAPIV3Schema"]
    schema["x-kubernetes-preserve-unknown-fields"] = True
    labels = {"selector": {"matchLabels": {"app": "x"}}}
    ready = {"conditions": [{"type": "Ready", "status": "False", "reason": "No", "message": "no"}]}
    job = made(f"{group}/v1", "Job", "own", spec=labels, status=ready)
    apply(definition, job, by=fresh)
    (part,) = look(fresh, pool, job)
    assert (part.health.current, part.trouble) == (False, "")
    fresh.delete(ObjectRef.of(definition))


def test_an_object_is_judged_by_its_kustomization_s_expressions(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, engine: Engine, namespace: str
) -> None:
    check = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "current": "data.up == 'yes'",
        "failed": "data.up == 'no'",
    }
    judge = Judge(engine, {"healthCheckExprs": [check]}, now=parse(AT))
    configs = [
        config_map(namespace, "a", up="yes"),
        config_map(namespace, "b", up="no"),
        config_map(namespace, "c"),
    ]
    apply(*configs)
    gone = config_map(namespace, "gone", up="yes")
    found = {part.ref.name: part.health for part in look(client, pool, *configs, gone, judge=judge)}
    assert {name: health.verdict for name, health in found.items()} == {
        "a": Verdict.CURRENT,
        "b": Verdict.FAILED,
        "c": Verdict.UNKNOWN,
        "gone": Verdict.NOT_FOUND,
    }
    unknown = "failed to evaluate the CEL expression 'data.up == 'no'': no such attribute(s): data.up"
    assert found["c"].message == unknown
