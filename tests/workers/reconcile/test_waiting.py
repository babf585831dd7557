# SPDX-License-Identifier: Apache-2.0
"""What a Kustomization's health depends on, read on the real API server, in Flux's words."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from policies import conditions
from policies.clock import parse
from policies.health import Verdict, texts
from policies.kinds import Kustomization
from policies.objects import Object, ObjectRef
from tests.policies.made import AT, kustomization
from tests.workers.reconcile.conftest import Apply, config_map, deployment
from tests.workers.reconcile.delivery import Delivery, told
from workers.cluster import Client
from workers.engine import Engine
from workers.reconcile.judging import Judge
from workers.reconcile.waiting import look, set_of

KSTATUS = Judge(Engine(Path("/nowhere")), {}, now=parse(AT))  # it has no expression to ask an engine about
WEB = ObjectRef("apps", "v1", "Deployment", "apps", "web")
SELF = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "apps", "web")

STUCK = json.dumps(deployment("", image="ghcr.io/acme/web:broken"))


def since_of(obj: Object) -> str:
    healthy = conditions.find(conditions.of(obj), "Healthy") or {}
    return str(healthy["lastTransitionTime"])


def check(ref: ObjectRef, **more: Any) -> dict[str, Any]:
    named = {"apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name, "namespace": ref.namespace}
    return {**named, **more}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"wait": True}, [WEB], id="everything-but-itself"),
        pytest.param({"healthChecks": [check(WEB), check(SELF)]}, [WEB], id="what-is-named-but-itself"),
        pytest.param({"healthChecks": [check(SELF, namespace=None)]}, [], id="itself-without-namespace"),
        pytest.param({"healthChecks": [check(WEB, namespace=None)]}, [WEB], id="our-namespace-by-default"),
        pytest.param(
            {"wait": True, "healthChecks": [check(SELF, name="other")]}, [WEB], id="wait-goes-before-checks"
        ),
    ],
)
def test_what_is_waited_for(spec: dict[str, Any], expected: list[ObjectRef]) -> None:
    assert set_of(Kustomization.read(kustomization(spec=spec)), [WEB, SELF]) == expected


def test_what_is_skipped_is_not_waited_for() -> None:
    spec = Kustomization.read(kustomization(spec={"wait": True}))
    assert set_of(spec, [WEB], skipped={WEB.id}) == []


def test_an_object_the_account_may_not_read_is_told_in_flux_s_words(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    apply(config_map(namespace))
    account = client.impersonate("system:serviceaccount:apps:deployer")
    outcome = look(account, pool, [ObjectRef("", "v1", "ConfigMap", namespace, "one")], KSTATUS)
    assert not outcome.done
    assert not outcome.failed
    assert texts.timed_out(outcome.healths) == (
        f"timeout waiting for: [ConfigMap/{namespace}/one status: 'Unknown': "
        'configmaps "one" is forbidden: '
        'User "system:serviceaccount:apps:deployer" cannot get resource "configmaps" in API group "" in the '
        f'namespace "{namespace}"]'
    )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (("apps", "v1beta1", "Deployment"), "status: 'NotFound'"),
        (("apps", "v1", "Widget"), "status: 'Unknown': no matches for kind \"Widget\""),
        (
            ("nowhere.example.net", "v1", "Widget"),
            'no matches for kind "Widget" in group "nowhere.example.net"',
        ),
    ],
    ids=["another-version", "no-such-kind", "no-such-group"],
)
def test_what_is_not_there_is_waited_for(
    client: Client, pool: ThreadPoolExecutor, namespace: str, kind: tuple[str, str, str], said: str
) -> None:
    outcome = look(client, pool, [ObjectRef(*kind, namespace, "web")], KSTATUS)
    assert not outcome.done
    assert not outcome.failed
    assert said in texts.timed_out(outcome.healths)


def test_only_the_group_of_a_check_counts(
    client: Client, pool: ThreadPoolExecutor, apply: Apply, namespace: str
) -> None:
    made = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "one", "namespace": namespace}}
    pod = {"containers": [{"name": "one", "image": "ghcr.io/acme/web:1"}], "restartPolicy": "Never"}
    apply({**made, "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}})
    outcome = look(client, pool, [ObjectRef("batch", "v1beta1", "CronJob", namespace, "one")], KSTATUS)
    assert outcome.done


def test_a_job_that_was_to_vanish_may_be_gone(
    client: Client, pool: ThreadPoolExecutor, namespace: str
) -> None:
    job = ObjectRef("batch", "v1", "Job", namespace, "migrate")
    assert look(client, pool, [job], KSTATUS, vanishing=[job]).done
    assert not look(client, pool, [job], KSTATUS, vanishing=[replace(job, name="other")]).done


def test_a_pod_that_finds_no_node_fails_after_a_while() -> None:
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "apps", "creationTimestamp": AT},
        "status": {"phase": "Pending", "conditions": [unschedulable]},
    }
    later = Judge(Engine(Path("/nowhere")), {}, now=parse(AT) + timedelta(minutes=1))
    assert [judge.healths([pod])[0].verdict for judge in (KSTATUS, later)] == [
        Verdict.IN_PROGRESS,
        Verdict.FAILED,
    ]


def test_the_time_of_a_wait_is_what_the_watch_says_and_not_what_the_clock_shows(delivery: Delivery) -> None:
    context = delivery.context
    assert told(delivery.apply({"a.yaml": STUCK}, wait=True, timeout="5m"), "Healthy")[0] == "Unknown"
    context.now = lambda: datetime.now(UTC) + timedelta(hours=2)
    obj = delivery.run()
    assert told(obj, "Healthy")[0] == "Unknown"
    owner, since = (delivery.namespace, "app"), since_of(obj)
    context.ledger.end_wait(owner, "2026-01-01T00:00:00Z")
    assert told(delivery.run(), "Healthy")[0] == "Unknown", "that was another wait"
    context.ledger.end_wait(owner, since)
    context.now = lambda: datetime.now(UTC) - timedelta(hours=2)
    told_now = told(delivery.run())
    assert told_now[:2] == ("False", "HealthCheckFailed")
    assert told_now[2].startswith("timeout waiting for: [Deployment/")


def test_another_spec_begins_its_wait_anew(delivery: Delivery) -> None:
    obj = delivery.apply({"a.yaml": STUCK}, wait=True, timeout="5m")
    delivery.context.now = lambda: datetime.now(UTC) + timedelta(seconds=200)
    assert since_of(delivery.run()) == since_of(obj)
    delivery.kustomization(prune=False)
    later = parse(since_of(delivery.run())) - parse(since_of(obj))
    assert later > timedelta(seconds=190)
