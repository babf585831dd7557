# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from policies import ledger
from policies.health import Health, Verdict
from policies.ledger import FULL_CHECK, Applied, Known, Mark, Seen, Standing
from policies.objects import Object

NOW = 1_000_000.0
OURS = {
    "manager": "kustomize-controller",
    "operation": "Apply",
    "apiVersion": "v1",
    "time": "2026-11-23T15:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:data": {"f:a": {}}},
}
WELL = Health(Verdict.CURRENT, "")


def live(*others: Any, ours: Any = OURS, **metadata: Any) -> Object:
    fields = [*([ours] if ours else []), *others]
    named = {"name": "one", "namespace": "apps", "uid": "u1", "resourceVersion": "7", **metadata}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**named, "managedFields": fields},
        "data": {"a": "1"},
    }


def entry(manager: str, operation: str = "Update", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:data": {"f:b": {}}}, **more}


def changed(**more: Any) -> dict[str, Any]:
    return {**deepcopy(OURS), **more}


@pytest.mark.parametrize(
    "other",
    [
        live(entry("hpa")),
        live(entry("kubelet", subresource="status")),
        live(entry("somebody", "Apply")),
        live(resourceVersion="9", labels={"theirs": "yes"}),
    ],
    ids=["foreign-fields", "status", "another-applier", "a-foreign-label"],
)
def test_what_is_not_ours_leaves_the_mark(other: Object) -> None:
    assert ledger.mark_of(other) == ledger.mark_of(live())


@pytest.mark.parametrize(
    "other",
    [
        live(ours=changed(fieldsV1={"f:data": {}})),
        live(ours=changed(time="2026-11-23T15:00:01Z")),
        live(uid="u2"),
        live(entry("kubectl-edit")),
        live(entry("before-first-apply")),
    ],
    ids=["a-field-was-taken", "applied-again", "another-object", "kubectl-came", "a-first-apply-came"],
)
def test_what_concerns_us_changes_the_mark(other: Object) -> None:
    assert ledger.mark_of(other) not in (None, ledger.mark_of(live()))


@pytest.mark.parametrize(
    "other",
    [live(ours=None), live(deletionTimestamp="2026-11-23T15:00:00Z"), live(entry("x"), ours=None)],
    ids=["nobody-applied-it", "on-its-way-out", "only-others"],
)
def test_without_an_entry_of_ours_nothing_can_be_told(other: Object) -> None:
    assert ledger.mark_of(other) is None


def test_a_manager_the_administrator_names_counts_as_one_to_take_over() -> None:
    odd = live(entry("odd-tool"))
    assert ledger.mark_of(odd) == ledger.mark_of(live())
    assert ledger.mark_of(odd, managers=("odd-tool",)) != ledger.mark_of(live())


def applied(*, wanted: str = "w", at: float = NOW, version: int = 7, own: str = "m") -> Applied:
    return Applied(Mark("u1", own), version, wanted, at)


@pytest.mark.parametrize(
    ("noted", "mark", "standing"),
    [
        (applied(), Mark("u1", "m"), Standing.SETTLED),
        (applied(wanted="old"), Mark("u1", "m"), Standing.OUTDATED),
        (applied(), Mark("u1", "other"), Standing.UNSURE),
        (applied(), Mark("u2", "m"), Standing.UNSURE),
        (applied(), None, Standing.UNSURE),
        (None, Mark("u1", "m"), Standing.UNSURE),
        (applied(at=NOW - FULL_CHECK), Mark("u1", "m"), Standing.UNSURE),
        (applied(at=NOW + 60), Mark("u1", "m"), Standing.UNSURE),
    ],
    ids=[
        "as-it-was",
        "wanted-otherwise",
        "changed",
        "made-anew",
        "no-mark",
        "no-note",
        "long-ago",
        "clock-jumped",
    ],
)
def test_how_an_object_stands(noted: Applied | None, mark: Mark | None, standing: Standing) -> None:
    assert ledger.standing(noted, mark, "w", NOW) is standing


def seen(version: int = 7, health: Health = WELL, **more: Any) -> Seen:
    return Seen(more.pop("mark", Mark("u1", "m")), version, health, **more)


def test_a_verdict_counts_once_the_applied_version_was_seen() -> None:
    def verdict(one: Seen | None, noted: Applied | None = applied()) -> Health | None:  # noqa: B008
        return ledger.verdict(Known({"x": noted} if noted else {}, {"x": one} if one else {}), "x")

    assert verdict(seen(version=7)) == WELL
    assert verdict(seen(version=8)) == WELL
    assert verdict(seen(version=6)) is None
    assert verdict(None) is None
    assert verdict(seen(), None) is None
    assert verdict(seen(mark=Mark("u2", "m"))) is None, "another object of that name"
    assert verdict(seen(health=Health(Verdict.TERMINATING, ""))) is None


def test_all_have_to_be_known_to_stand_as_applied() -> None:
    known = Known({"a": applied(), "b": applied()}, {"a": seen(), "b": seen(left_alone=True)})
    assert ledger.changed(known, ["a"], NOW) == ""
    assert ledger.changed(known, ["a", "b"], NOW) == "b", "somebody asked for it to be left alone"
    assert ledger.changed(known, ["a", "c"], NOW) == "c"


def test_what_would_be_taken_over_is_not_noted_as_applied() -> None:
    desired = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
    assert ledger.applied("w", desired, live(), NOW)
    assert ledger.applied("w", desired, live(entry("kubectl-edit")), NOW) is None
    assert ledger.applied("w", desired, live(resourceVersion="x1"), NOW) is None, (
        "versions cannot be compared"
    )
