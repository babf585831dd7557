# SPDX-License-Identifier: Apache-2.0
"""What the text of a pull request is made of: versions, rules, steps, and what is rendered otherwise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from policies.images import automerge, commit_message
from policies.images.content import Changed, old_versions, rule
from policies.images.grouping import Group, branches, folder
from policies.images.rendering import changed
from policies.images.updates import Step
from policies.kinds import ImagePolicy
from tests.policies.images.made import DIGEST, change, update


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ([change("1.2.2")], ("1.2.2",)),
        ([change("1.2.2"), change("1.2.2", path="b"), change("1.2.1", path="c")], ("1.2.2", "1.2.1")),
        ([change("ghcr.io/acme/web:1.2.2@" + DIGEST, "image")], ("1.2.2",)),
        ([change("ghcr.io/acme/web", "name"), change("1.2.2")], ("1.2.2",)),
        ([change(DIGEST, "digest")], ()),
        ([change("ghcr.io/acme/web", "image")], ()),
    ],
)
def test_which_versions_are_replaced(changes: list[Any], wanted: tuple[str, ...]) -> None:
    assert old_versions(replace(update(), changes=tuple(changes))) == wanted


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"policy": {"semver": {"range": "1.x"}}}, "the highest version in 1.x"),
        (
            {"policy": {"semver": {"range": "1.x"}}, "filterTags": {"pattern": "^v"}},
            "the highest version in 1.x, of the tags like ^v",
        ),
        ({"policy": {"alphabetical": {}}}, "the last tag by the alphabet"),
        ({"policy": {"alphabetical": {"order": "desc"}}}, "the first tag by the alphabet"),
        ({"policy": {"numerical": {"order": "asc"}}}, "the last tag by number"),
    ],
)
def test_why_a_policy_takes_it(spec: dict[str, Any], wanted: str) -> None:
    obj = {
        "metadata": {"name": "web", "namespace": "apps"},
        "spec": {"imageRepositoryRef": {"name": "web"}, **spec},
    }
    assert rule(ImagePolicy.read(obj)) == wanted


@pytest.mark.parametrize("step", ["digest", "patch", "minor", "major", "other"])
def test_a_commit_says_how_large_its_step_is(step: Step) -> None:
    assert commit_message.step_of(commit_message.with_step("Title\n\nBody\n", step)) == step


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Title",
        "Fairway-Image-Step: huge",
        "Fairway-Image-Step: minor\n\nmore",
        "x Fairway-Image-Step: minor",
    ],
)
def test_another_commit_says_nothing(text: str) -> None:
    assert commit_message.step_of(text) is None


@pytest.mark.parametrize(
    ("step", "rules", "wanted"),
    [
        ("patch", ["patch"], ""),
        ("digest", ["patch", "digest"], ""),
        ("patch", [], "no rule of the repository merges it"),
        ("minor", ["patch", "digest"], "only digest and patch ones are merged by a rule"),
        ("major", ["major", "patch"], "it is a major update, and only patch ones"),
        ("other", ["patch"], "it is an update of another kind, and only patch ones"),
        (None, ["patch"], "its commit does not say how large a step it is"),
    ],
)
def test_why_no_rule_merges_it(step: Step | None, rules: Collection[Step], wanted: str) -> None:
    found = automerge.unruled(step, rules)
    assert (wanted in found) if wanted else found == ""


def test_all_branches_on_which_it_may_have_been_proposed() -> None:
    paths = ("apps/a.yaml", "infra/b.yaml")
    one = Group("all", "", (update("web", paths=paths), update("api", paths=paths[:1])))
    found = branches("ns", "auto", one, {"apps/a.yaml": "apps/front"})
    assert all(branch.startswith(folder("ns", "auto")) for branch in found)
    assert [branch.rpartition("/")[2].partition("-")[0] for branch in found] == [
        "all",
        "policy",
        "policy",
        "app",
        "app",
    ]


def obj(name: str, value: str = "1", kind: str = "ConfigMap") -> dict[str, Any]:
    api = {"apiVersion": "v1", "kind": kind}
    return {**api, "metadata": {"name": name, "namespace": "apps"}, "data": {"value": value}}


def test_what_is_rendered_otherwise() -> None:
    before = [obj("same"), obj("web"), obj("old"), {"kind": "Namespace", "metadata": {"name": "x"}}]
    found = changed(before, [obj("new"), obj("web", "2"), obj("same")])
    assert [(one.name, one.how) for one in found] == [
        ("ConfigMap apps/new", "new"),
        ("ConfigMap apps/web", "changed"),
        ("ConfigMap apps/old", "gone"),
        ("Namespace x", "gone"),
    ]
    (field,) = found[1].fields
    assert (field.path, field.live, field.wanted) == ("data.value", "1", "2")
    assert changed(before, before) == ()


def test_a_secrets_values_are_masked() -> None:
    (found,) = changed([obj("web", kind="Secret")], [obj("web", "2", kind="Secret")])
    assert isinstance(found, Changed)
    assert {field.live for field in found.fields} == {"***** (before)"}
