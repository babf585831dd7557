# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies import ownership
from policies.objects import Object
from policies.ownership import GROUP, Action

PLAIN: Object = {"metadata": {"name": "web"}}


def marked(word: str, value: str, *, by: str = "annotations") -> Object:
    return {"metadata": {"name": "web", by: {f"{GROUP}/{word}": value}}}


@pytest.mark.parametrize("by", ["annotations", "labels"])
@pytest.mark.parametrize("value", ["disabled", "Disabled", "DISABLED"])
def test_a_word_may_stand_in_label_or_annotation_in_any_case(by: str, value: str) -> None:
    assert ownership.says("prune", "disabled", PLAIN, None, marked("prune", value, by=by))


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(PLAIN, id="without"),
        pytest.param(marked("prune", "enabled"), id="another-value"),
        pytest.param(marked("reconcile", "disabled"), id="another-word"),
        pytest.param({"metadata": {"annotations": {"prune": "disabled"}}}, id="without-the-prefix"),
        pytest.param({"metadata": {"annotations": {f"{GROUP}/prune": None}}}, id="an-empty-value"),
        pytest.param({}, id="no-metadata"),
    ],
)
def test_anything_else_does_not_say_so(obj: Object) -> None:
    assert not ownership.says("prune", "disabled", obj)


@pytest.mark.parametrize(
    ("desired", "live", "expected"),
    [
        pytest.param(PLAIN, None, Action.APPLY, id="a-new-object-is-applied"),
        pytest.param(PLAIN, PLAIN, Action.APPLY, id="a-known-object-is-applied"),
        pytest.param(marked("reconcile", "disabled"), None, Action.SKIP, id="disabled-in-git"),
        pytest.param(PLAIN, marked("reconcile", "Disabled"), Action.SKIP, id="disabled-on-the-live-object"),
        pytest.param(marked("ssa", "Ignore"), None, Action.SKIP, id="ignored-in-git"),
        pytest.param(PLAIN, marked("ssa", "ignore"), Action.SKIP, id="ignored-on-the-live-object"),
        pytest.param(marked("ssa", "IfNotPresent"), None, Action.APPLY, id="if-not-present-and-it-is-not"),
        pytest.param(marked("ssa", "IfNotPresent"), PLAIN, Action.SKIP, id="if-not-present-and-it-is"),
        pytest.param(PLAIN, marked("ssa", "IfNotPresent"), Action.APPLY, id="no-longer-if-not-present"),
        pytest.param(marked("ssa", "Merge"), PLAIN, Action.APPLY, id="merge-is-applied"),
        pytest.param(marked("ssa", "Override"), PLAIN, Action.APPLY, id="override-is-applied"),
        pytest.param(marked("reconcile", "enabled"), PLAIN, Action.APPLY, id="enabled-is-applied"),
        pytest.param(marked("prune", "disabled"), PLAIN, Action.APPLY, id="not-pruned-is-applied"),
    ],
)
def test_what_is_done_with_an_object(desired: Object, live: Object | None, expected: Action) -> None:
    assert ownership.action_for(desired, live) is expected


def test_owner_labels_are_added_and_the_source_is_left_as_it_was() -> None:
    obj: Object = {"kind": "ConfigMap", "metadata": {"name": "a", "labels": {"app": "web"}}}
    owned = ownership.with_owner(obj, name="web", namespace="apps")
    assert owned == {
        "kind": "ConfigMap",
        "metadata": {
            "name": "a",
            "labels": {"app": "web", f"{GROUP}/name": "web", f"{GROUP}/namespace": "apps"},
        },
    }
    assert obj["metadata"] == {"name": "a", "labels": {"app": "web"}}
    assert ownership.owner_of(owned) == ("apps", "web")


def test_labels_written_in_git_do_not_make_another_owner() -> None:
    forged = ownership.with_owner(PLAIN, name="other", namespace="elsewhere")
    assert ownership.owner_of(ownership.with_owner(forged, name="web", namespace="apps")) == ("apps", "web")


@pytest.mark.parametrize(
    "labels",
    [None, {}, {f"{GROUP}/name": "web"}, {f"{GROUP}/namespace": "apps"}, {f"{GROUP}/name": ""}],
)
def test_without_both_labels_there_is_no_owner(labels: dict[str, str] | None) -> None:
    assert ownership.owner_of({"metadata": {"labels": labels}}) is None


def owned(**annotations: str) -> Object:
    obj: Object = {"metadata": {"annotations": {f"{GROUP}/{k}": v for k, v in annotations.items()}}}
    return ownership.with_owner(obj, name="web", namespace="apps")


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        pytest.param(owned(), True, id="ours"),
        pytest.param(PLAIN, False, id="nobody's"),
        pytest.param(ownership.with_owner(PLAIN, name="api", namespace="apps"), False, id="moved-to-another"),
        pytest.param(
            ownership.with_owner(PLAIN, name="web", namespace="ops"), False, id="of-another-namespace"
        ),
        pytest.param(owned(prune="disabled"), False, id="not-to-be-pruned"),
        pytest.param(owned(reconcile="disabled"), False, id="not-to-be-reconciled"),
        pytest.param(owned(ssa="Ignore"), False, id="ignored"),
        pytest.param(owned(ssa="Merge"), True, id="merged"),
        pytest.param(owned(prune="enabled"), True, id="to-be-pruned"),
    ],
)
def test_only_what_is_still_ours_is_pruned(live: dict[str, Any], expected: bool) -> None:
    assert ownership.may_prune(live, name="web", namespace="apps") is expected
