# SPDX-License-Identifier: Apache-2.0
"""What a Kustomization's health depends on, read on the real API server, in Flux's words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policies.clock import parse
from policies.health import Verdict, texts
from policies.kinds import Kustomization
from policies.objects import ObjectRef
from tests.policies.made import AT, kustomization
from tests.workers.reconcile.conftest import Apply, config_map
from workers.cluster import Client
from workers.engine import Engine
from workers.reconcile.judging import Judge
from workers.reconcile.waiting import look, set_of

KSTATUS = Judge(Engine(Path("/nowhere")), {}, now=parse(AT))  # it has no expression to ask an engine about
WEB = ObjectRef("apps", "v1", "Deployment", "apps", "web")
SELF = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "apps", "web")


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
