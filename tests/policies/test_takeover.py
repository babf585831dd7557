# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.objects import Object
from policies.ownership import FIELD_MANAGER, GROUP
from policies.takeover import takeover

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
DESIRED: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def entry(manager: str, operation: str = "Update", *, subresource: str = "", **fields: Any) -> Object:
    found: Object = {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields}
    return found | ({"subresource": subresource} if subresource else {})


def live(*entries: Object, **metadata: Any) -> Object:
    return {**DESIRED, "metadata": {"name": "a", "managedFields": list(entries), **metadata}}


OURS = entry(FIELD_MANAGER, "Apply", **{"f:data": {"f:a": {}}})
THEIRS: Any = {"f:data": {".": {}, "f:b": {}}}
BOTH: Any = {"f:data": {"f:a": {}, ".": {}, "f:b": {}}}


def fields_after(*entries: Object, **options: Any) -> list[tuple[str, str, Any]] | None:
    patch = takeover(DESIRED, live(*entries), **options)
    if not patch:
        return None
    [change] = patch
    assert (change["op"], change["path"]) == ("replace", "/metadata/managedFields")
    return [(e["manager"], e["operation"], e["fieldsV1"]) for e in change["value"]]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(entry("kubectl", "Apply", **THEIRS), id="kubectl-apply-server-side"),
        pytest.param(entry("kubectl-client-side-apply", **THEIRS), id="kubectl-apply"),
        pytest.param(entry("kubectl-edit", **THEIRS), id="kubectl-edit"),
        pytest.param(entry("before-first-apply", **THEIRS), id="before-first-apply"),
        pytest.param(entry(FIELD_MANAGER, **THEIRS), id="ours-before-server-side-apply"),
    ],
)
def test_what_flux_does_not_tolerate_is_joined_with_ours(other: Object) -> None:
    assert fields_after(other, OURS) == [(FIELD_MANAGER, "Apply", BOTH)]


def test_a_joined_entry_has_the_time_of_the_last_who_wrote() -> None:
    """So the ledger does not take it for the entry of our last apply."""
    ours, theirs = {**OURS, "time": "2026-11-28T06:15:33Z"}, {"time": "2026-11-28T06:15:34Z"}
    [change] = takeover(DESIRED, live(ours, {**entry("kubectl-edit", **THEIRS), **theirs}))
    assert [e["time"] for e in change["value"]] == ["2026-11-28T06:15:34Z"]


def test_without_an_entry_of_ours_theirs_becomes_it() -> None:
    assert fields_after(entry("kubectl-edit", **THEIRS)) == [(FIELD_MANAGER, "Apply", THEIRS)]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(entry("helm", **THEIRS), id="helm"),
        pytest.param(entry("flux-client-side-apply", "Apply", **THEIRS), id="the-name-kept-for-people"),
        pytest.param(entry("before-first-apply", "Apply", **THEIRS), id="another-operation"),
        pytest.param(entry("kubectl", subresource="status", **THEIRS), id="a-subresource"),
        pytest.param(entry("my-kubectl", **THEIRS), id="the-name-does-not-begin-so"),
    ],
)
def test_other_managers_keep_their_fields(other: Object) -> None:
    assert fields_after(other, OURS) is None


def test_the_administrator_may_name_more_managers() -> None:
    helm = entry("helm", **THEIRS)
    assert fields_after(helm, OURS, managers=["helm"]) == [(FIELD_MANAGER, "Apply", BOTH)]


@pytest.mark.parametrize("where", ["desired", "live"])
@pytest.mark.parametrize("by", ["annotations", "labels"])
def test_merge_leaves_everything_as_it_is(where: str, by: str) -> None:
    marked = {by: {f"{GROUP}/ssa": "Merge"}}
    desired = {**DESIRED, "metadata": {"name": "a", **(marked if where == "desired" else {})}}
    found = live(entry("kubectl-edit", **THEIRS), **(marked if where == "live" else {}))
    assert takeover(desired, found) == []


def test_bookkeeping_of_older_appliers_goes() -> None:
    found = live(OURS, annotations={LAST_APPLIED: "{}", "own": "x"}, labels={"fluxcd.io/sync-gc-mark": "1"})
    assert takeover(DESIRED, found) == [
        {"op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"},
        {"op": "remove", "path": "/metadata/labels/fluxcd.io~1sync-gc-mark"},
    ]


def test_the_version_of_every_entry_is_migrated_where_that_is_asked_for() -> None:
    old = {**OURS, "apiVersion": "v1beta1"}
    assert takeover(DESIRED, live(old)) == []
    [change] = takeover(DESIRED, live(old), migrate_version=True)
    assert [e["apiVersion"] for e in change["value"]] == ["v1"]
    assert takeover(DESIRED, live(OURS), migrate_version=True) == []
