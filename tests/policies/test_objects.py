# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import inventory
from policies.objects import ObjectRef, annotations_of, labels_of, split_api_version

WEB = ObjectRef("apps", "v1", "Deployment", "apps", "web")


@pytest.mark.parametrize(
    ("ref", "entry"),
    [
        pytest.param(WEB, "apps_web_apps_Deployment", id="an-object-of-a-group"),
        pytest.param(
            ObjectRef("", "v1", "Service", "apps", "web"), "apps_web__Service", id="of-the-core-group"
        ),
        pytest.param(ObjectRef("", "v1", "Namespace", "", "apps"), "_apps__Namespace", id="cluster-scoped"),
        pytest.param(
            ObjectRef("rbac.authorization.k8s.io", "v1", "ClusterRole", "", "system:node:reader"),
            "_system__node__reader_rbac.authorization.k8s.io_ClusterRole",
            id="colons-are-written-as-two-underscores",
        ),
        pytest.param(
            ObjectRef("rbac.authorization.k8s.io", "v1", "Role", "apps", "ends:"),
            "apps_ends___rbac.authorization.k8s.io_Role",
            id="a-colon-at-the-end",
        ),
        pytest.param(
            ObjectRef("rbac.authorization.k8s.io", "v1", "Role", "apps", "snake_case"),
            "apps_snake_case_rbac.authorization.k8s.io_Role",
            id="single-underscores-are-a-name's-own",
        ),
        pytest.param(
            ObjectRef("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "", "apps.acme.io"),
            "_apps.acme.io_apiextensions.k8s.io_CustomResourceDefinition",
            id="dots-stay",
        ),
    ],
)
def test_an_inventory_id_says_everything_but_the_version(ref: ObjectRef, entry: str) -> None:
    assert ref.id == entry
    assert ObjectRef.parse(entry, ref.version) == ref


@pytest.mark.parametrize("entry", ["", "web", "apps_web", "apps_web_apps", "___Kind", "apps_web_apps_"])
def test_what_is_no_inventory_id_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="is not <namespace>_<name>_<group>_<Kind>"):
        ObjectRef.parse(entry, "v1")


_WORD = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@given(
    st.builds(
        ObjectRef,
        group=st.one_of(st.just(""), st.lists(_WORD, min_size=1, max_size=3).map(".".join)),
        version=st.sampled_from(["v1", "v1beta1"]),
        kind=st.from_regex(r"[A-Z][A-Za-z]{0,8}", fullmatch=True),
        namespace=st.one_of(st.just(""), _WORD),
        name=st.lists(_WORD, min_size=1, max_size=3).map(":".join),
    )
)
def test_every_id_reads_back_as_the_object_it_was_written_for(ref: ObjectRef) -> None:
    assert ObjectRef.parse(ref.id, ref.version) == ref


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        pytest.param(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "apps"}},
            WEB,
            id="whole",
        ),
        pytest.param(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps", "namespace": None}},
            ObjectRef("", "v1", "Namespace", "", "apps"),
            id="no-namespace",
        ),
        pytest.param({"metadata": None}, ObjectRef("", "", "", "", ""), id="nothing-at-all"),
    ],
)
def test_an_object_is_read_however_incomplete(obj: dict[str, Any], expected: ObjectRef) -> None:
    assert ObjectRef.of(obj) == expected


@pytest.mark.parametrize(
    ("ref", "text", "api_version"),
    [
        (WEB, "Deployment/apps/web", "apps/v1"),
        (ObjectRef("", "v1", "Namespace", "", "apps"), "Namespace/apps", "v1"),
    ],
)
def test_people_read_kind_namespace_and_name(ref: ObjectRef, text: str, api_version: str) -> None:
    assert (str(ref), ref.api_version) == (text, api_version)
    assert split_api_version(api_version) == (ref.group, ref.version)


@pytest.mark.parametrize("obj", [{}, {"metadata": None}, {"metadata": {"labels": None, "annotations": None}}])
def test_metadata_that_is_missing_reads_as_empty(obj: dict[str, Any]) -> None:
    assert (labels_of(obj), annotations_of(obj)) == ({}, {})


def ref(kind: str, name: str = "web", version: str = "v1") -> ObjectRef:
    return ObjectRef("apps" if kind == "Deployment" else "", version, kind, "apps", name)


def test_an_inventory_reads_back_in_the_order_of_applying() -> None:
    refs = [ref("Deployment"), ref("ConfigMap", "b"), ref("ConfigMap", "a"), ref("Service")]
    status = {"status": {"inventory": inventory.status(refs)}}
    assert inventory.of(status) == [refs[2], refs[1], refs[3], refs[0]]
    assert inventory.status(refs)["entries"][0] == {"id": "apps_a__ConfigMap", "v": "v1"}


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param({}, id="no-status"),
        pytest.param({"status": {"inventory": None}}, id="no-inventory"),
        pytest.param({"status": {"inventory": {"entries": None}}}, id="no-entries"),
        pytest.param({"status": {"inventory": {"entries": [{"id": "web"}]}}}, id="an-entry-without-version"),
        pytest.param({"status": {"inventory": {"entries": [{"id": "x", "v": "v1"}]}}}, id="an-unreadable-id"),
    ],
)
def test_what_cannot_be_read_is_no_entry(obj: dict[str, Any]) -> None:
    assert inventory.of(obj) == []


def test_one_bad_entry_hides_no_other() -> None:
    entries = [{"id": "x", "v": "v1"}, {"id": WEB.id, "v": "v1"}]
    assert inventory.of({"status": {"inventory": {"entries": entries}}}) == [WEB]


def test_a_union_keeps_each_object_once_in_its_last_version() -> None:
    old, new = [ref("Deployment", version="v1beta1"), ref("Service")], [ref("Deployment")]
    assert set(inventory.union(old, new)) == {ref("Deployment"), ref("Service")}
    assert inventory.union() == []


def test_a_difference_is_what_went_whatever_its_version_last_applied_first() -> None:
    old = [ref("ConfigMap"), ref("Service"), ref("Deployment", version="v1beta1"), ref("Deployment", "api")]
    assert inventory.difference(old, [ref("Deployment")]) == [
        ref("Deployment", "api"),
        ref("Service"),
        ref("ConfigMap"),
    ]
    assert inventory.difference(old, old) == []
