# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from policies.ignored_fields import IgnoredFields, InvalidIgnoreRule
from policies.objects import Object
from policies.ownership import FIELD_MANAGER


def web(replicas: int | None = 1, image: str = "web:1", *, fields: dict[str, Any] | None = None) -> Object:
    spec: Object = {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}
    if replicas is not None:
        spec["replicas"] = replicas
    entries = [
        {"manager": manager, "operation": "Apply", "fieldsV1": owned}
        for manager, owned in (fields or {}).items()
    ]
    metadata = {"name": "web", "namespace": "apps", "labels": {"app": "web"}, "managedFields": entries}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


REPLICAS = {"paths": ["/spec/replicas"]}
IMAGE = {"paths": ["/spec/template/spec/containers/0/image"]}
OWNS_REPLICAS: Any = {"f:spec": {"f:replicas": {}}}
OWNS_IMAGE: Any = {
    "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}}}
}


@pytest.mark.parametrize(
    ("target", "taken"),
    [
        (None, True),
        ({}, True),
        ({"kind": "Deployment"}, True),
        ({"kind": "Deploy"}, False),
        ({"kind": "Deploy.*"}, True),
        ({"kind": "StatefulSet|Deployment"}, True),
        ({"group": "apps", "version": "v1"}, True),
        ({"group": "batch"}, False),
        ({"name": "we."}, True),
        ({"namespace": "other"}, False),
        ({"labelSelector": "app=web"}, True),
        ({"labelSelector": "app in (api)"}, False),
        ({"annotationSelector": "!x"}, True),
        ({"kind": "Deployment", "name": "api"}, False),
    ],
)
def test_a_target_takes_the_objects_it_names(target: Any, taken: bool) -> None:
    rule = {**REPLICAS, **({"target": target} if target is not None else {})}
    assert bool(IgnoredFields([rule]).paths(web())) is taken


def test_ignored_fields_are_not_compared() -> None:
    rules = IgnoredFields([REPLICAS, IMAGE])
    assert (
        rules.compared(web(5, "web:2"), web(1, "web:1"))
        == ({**web(None), "spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}},) * 2
    )
    live, wanted = rules.compared(web(None), web(1))
    assert live == wanted


def test_an_object_without_a_rule_is_compared_as_it_is() -> None:
    live, wanted = web(5), web(1)
    compared = IgnoredFields([{**REPLICAS, "target": {"kind": "Job"}}]).compared(live, wanted)
    assert compared[0] is live
    assert compared[1] is wanted


def test_a_field_of_another_applier_is_left_out() -> None:
    live = web(5, fields={FIELD_MANAGER: OWNS_REPLICAS, "scaler": OWNS_REPLICAS})
    assert IgnoredFields([REPLICAS]).payload(web(1), live, web(1)) == web(None)


def test_a_field_that_only_we_own_keeps_its_live_value() -> None:
    live = web(5, fields={FIELD_MANAGER: OWNS_REPLICAS})
    assert IgnoredFields([REPLICAS]).payload(web(1), live, web(1)) == web(5)


def test_the_owner_of_a_field_in_a_list_is_found_by_the_entrys_keys() -> None:
    rules, image = IgnoredFields([IMAGE]), "web:2"
    other = web(1, image, fields={FIELD_MANAGER: OWNS_IMAGE, "updater": OWNS_IMAGE})
    without = web(1)
    del without["spec"]["template"]["spec"]["containers"][0]["image"]
    assert rules.payload(web(1), other, web(1)) == without
    assert rules.payload(web(1), web(1, image, fields={FIELD_MANAGER: OWNS_IMAGE}), web(1)) == web(1, image)


def test_what_does_not_differ_is_applied_as_it_is() -> None:
    live = web(1, fields={"scaler": OWNS_REPLICAS})
    assert IgnoredFields([REPLICAS]).payload(web(1), live, web(1)) == web(1)


def test_a_field_that_is_not_there_is_left_out() -> None:
    assert IgnoredFields([REPLICAS]).payload(web(1), web(None), web(1)) == web(None)


def test_nothing_that_was_given_is_changed() -> None:
    given = (web(1), web(5, fields={"scaler": OWNS_REPLICAS}), web(1))
    before = deepcopy(given)
    IgnoredFields([REPLICAS, IMAGE]).payload(*given)
    IgnoredFields([REPLICAS, IMAGE]).compared(*given[1:])
    assert given == before


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"paths": ["spec/replicas"]}, id="no-pointer"),
        pytest.param({**REPLICAS, "target": {"name": "("}}, id="no-regex"),
        pytest.param({**REPLICAS, "target": {"labelSelector": "a b"}}, id="no-selector"),
    ],
)
def test_a_rule_that_cannot_be_understood_is_named(rule: Any) -> None:
    with pytest.raises(InvalidIgnoreRule, match=r"^spec\.ignore\[1\] is invalid: ") as caught:
        IgnoredFields([REPLICAS, rule])
    assert not caught.value.retryable
