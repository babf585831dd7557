# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.field_diff import Field, compare


def obj(kind: str = "ConfigMap", **parts: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, **parts}


@pytest.mark.parametrize(
    ("live", "wanted", "fields"),
    [
        pytest.param(obj(), obj(), [], id="the-same"),
        pytest.param(obj(data={"a": "1"}), obj(data={"a": "2"}), [Field("data.a", "1", "2")], id="a-value"),
        pytest.param(obj(data={"a": "1"}), obj(data={}), [Field("data.a", "1", None)], id="one-less"),
        pytest.param(obj(), obj(data={"a": "1"}), [Field("data", None, '{"a": "1"}')], id="a-new-map"),
        pytest.param(
            obj(data={"a.b/c": "1"}),
            obj(data={"a.b/c": "2"}),
            [Field('data["a.b/c"]', "1", "2")],
            id="a-dotted-key",
        ),
        pytest.param(
            obj(spec={"n": 1}), obj(spec={"n": "1"}), [Field("spec.n", "1", "1")], id="another-type"
        ),
        pytest.param(obj(status={"a": 1}), obj(status={"a": 2}), [], id="status-does-not-count"),
        pytest.param(
            obj(spec={"c": [{"name": "x", "v": 1}, {"name": "y"}]}),
            obj(spec={"c": [{"name": "z"}, {"name": "x", "v": 2}]}),
            [
                Field("spec.c[name=x].v", "1", "2"),
                Field("spec.c[name=y]", '{"name": "y"}', None),
                Field("spec.c[name=z]", None, '{"name": "z"}'),
            ],
            id="a-list-of-named-entries",
        ),
        pytest.param(obj(spec=[1, 2]), obj(spec=[1, 3]), [Field("spec[1]", "2", "3")], id="a-list"),
    ],
)
def test_fields_that_differ_are_named(live: Any, wanted: Any, fields: list[Field]) -> None:
    assert compare(live, wanted) == fields


def test_bookkeeping_does_not_count() -> None:
    live, wanted = obj(), obj()
    live["metadata"] = {
        "name": "a",
        "uid": "1",
        "resourceVersion": "2",
        "managedFields": [{}],
        "generation": 1,
    }
    assert compare(live, wanted) == []


@pytest.mark.parametrize("where", ["data", "stringData"])
def test_a_secrets_values_are_never_shown(where: str) -> None:
    live = obj("Secret", **{where: {"changed": "aaa", "gone": "bbb", "same": "ccc"}}, type="Opaque")
    wanted = obj("Secret", **{where: {"changed": "ddd", "new": "eee", "same": "ccc"}}, type="Other")
    fields = compare(live, wanted)
    assert fields == [
        Field(f"{where}.changed", "***** (before)", "***** (after)"),
        Field(f"{where}.gone", "***** (before)", None),
        Field(f"{where}.new", None, "***** (after)"),
        Field("type", "Opaque", "Other"),
    ]
    assert compare(live, obj("Secret", type="Opaque")) == [Field(where, "***** (before)", None)]
