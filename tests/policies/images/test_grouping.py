# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.images.grouping import BRANCHES, By, Group, applications, automation_of, branch, group
from policies.rollback import Reader
from tests.policies.images.made import update

WEB = update("web", paths=("apps/web/a.yaml", "apps/web/b.yaml", "clusters/all.yaml"))
API = update("api", paths=("apps/web/a.yaml", "top.yaml"))
NAMES = {"apps/web/a.yaml": "apps/web", "apps/web/b.yaml": "apps/web"}


def shape(groups: tuple[Group, ...]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {one.name: {update.policy: update.paths for update in one.updates} for one in groups}


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        ("policy", {"apps:api": {"apps:api": API.paths}, "apps:web": {"apps:web": WEB.paths}}),
        ("all", {"": {"apps:api": API.paths, "apps:web": WEB.paths}}),
        (
            "application",
            {
                ".": {"apps:api": ("top.yaml",)},
                "apps/web": {
                    "apps:api": ("apps/web/a.yaml",),
                    "apps:web": ("apps/web/a.yaml", "apps/web/b.yaml"),
                },
                "clusters": {"apps:web": ("clusters/all.yaml",)},
            },
        ),
    ],
)
def test_updates_are_grouped(by: By, wanted: dict[str, dict[str, tuple[str, ...]]]) -> None:
    groups = group([WEB, API], by, NAMES)
    assert shape(groups) == wanted
    assert groups == group([API, WEB], by, NAMES)
    assert {one.by for one in groups} == {by}


def test_nothing_makes_no_group() -> None:
    assert group([], "all", {}) == ()


def test_a_group_says_what_it_proposes() -> None:
    (found,) = group([update("web", "1.2.3", old="1.2.2"), update("api", "2.0.0", old="1.9.0")], "all", {})
    assert found.step == "major"
    assert found.versions == {"apps:web": "1.2.3", "apps:api": "2.0.0"}


def test_an_application_is_the_kustomization_that_alone_reads_a_file() -> None:
    readers = {
        "flux-system/web": Reader("apps/web", {"f apps/base/a.yaml": "1", "f apps/web/a.yaml": "1"}),
        "flux-system/api": Reader("apps/api", {"f apps/base/a.yaml": "1"}),
        "flux-system/new": Reader("./clusters/"),
    }
    paths = ["apps/base/a.yaml", "apps/web/a.yaml", "clusters/x.yaml", "other.yaml"]
    assert applications(paths, readers) == {
        "apps/web/a.yaml": "flux-system/web",
        "clusters/x.yaml": "flux-system/new",
    }


@pytest.mark.parametrize(
    ("by", "name", "wanted"),
    [
        ("policy", "apps:web", "policy-web"),
        ("policy", "apps:web.v1", "policy-web.v1"),
        ("application", "web", "app-web"),
        ("application", "apps/web", r"app-apps-web-[0-9a-f]{8}"),
        ("application", "apps-web", "app-apps-web"),
        ("application", ".", r"app-[0-9a-f]{8}"),
        ("application", "a..b", r"app-a-b-[0-9a-f]{8}"),
        ("application", "a.lock", r"app-a-[0-9a-f]{8}"),
        ("application", "ä b\n~^:?*[@{", r"app-b-[0-9a-f]{8}"),
        ("application", "x" * 300, r"app-x{80}-[0-9a-f]{8}"),
        ("all", "", "all"),
    ],
)
def test_a_branch_is_called_by_its_group(by: By, name: str, wanted: str) -> None:
    found = branch("flux-system", "fleet", Group(by, name, ()))
    assert re.fullmatch(f"fairway/images/flux-system.fleet/{wanted}", found)
    assert automation_of(found) == ("flux-system", "fleet")


def test_git_takes_every_branch(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    @settings(max_examples=50, deadline=None)
    @given(st.text(max_size=120), st.sampled_from(["policy", "application"]))
    def check(name: str, by: By) -> None:
        found = branch("ns", "auto", Group(by, name, ()))
        subprocess.run(["git", "check-ref-format", "--branch", found], check=True, capture_output=True)
        assert found.count("/") == 3
        assert automation_of(found) == ("ns", "auto")

    check()


def test_different_groups_have_different_branches() -> None:
    names = ["a/b", "a-b", "a b", "a.b", "a..b", "a_b", "A-b", "x" * 90, "x" * 91, "-a-b", "a-b-", "", "."]
    made = {branch("ns", "auto", Group("application", name, ())) for name in names}
    made |= {branch("ns", "auto", Group("policy", f"apps:{name}", ())) for name in names}
    assert len(made) == 2 * len(names)


def test_automations_do_not_share_branches() -> None:
    names = [("a", "b"), ("a", "b.c"), ("a-b", "c"), ("a", "b-c"), ("n" * 63, "a" * 253)]
    names += [("n" * 63, "a" * 40), ("n" * 63, "a" * 41)]
    made = [branch(*name, Group("all", "", ())) for name in names]
    assert [automation_of(head) for head in made] == names
    assert len(set(made)) == len(names)


@pytest.mark.parametrize(
    "head",
    ["main", "fairway/rollback/prod-1", BRANCHES, f"{BRANCHES}a/all", f"{BRANCHES}a.b", f"{BRANCHES}a.b/"],
)
def test_another_branch_is_nobodys(head: str) -> None:
    assert automation_of(head) is None
