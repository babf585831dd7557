# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.errors import FairwayError, TerminalError
from policies.images import automation
from policies.images.automation import Branches, SourceFailed
from policies.kinds import ImagePolicy, ImageUpdateAutomation
from policies.kinds.gitrepository import GitRef
from policies.kinds.imagepolicy import ImageRef
from policies.kinds.imageupdateautomation import Push

_GIT = {"commit": {"author": {"email": "bot@example.com"}}}


def _automation(**fields: Any) -> ImageUpdateAutomation:
    spec = {
        "interval": "1m",
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "git": _GIT,
        "update": {"strategy": "Setters"},
    }
    status = fields.pop("status", {})
    found = {key: value for key, value in (spec | fields).items() if value is not None}
    return ImageUpdateAutomation.read(
        {"metadata": {"name": "all", "namespace": "apps"}, "spec": found, "status": status}
    )


def _policy(name: str, tag: str = "1", namespace: str = "apps", **labels: str) -> ImagePolicy:
    status = {"latestRef": {"name": "web", "tag": tag}} if tag else {}
    return ImagePolicy.read(
        {
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"imageRepositoryRef": {"name": "web"}, "policy": {"numerical": {}}},
            "status": status,
        }
    )


def _push(**push: str) -> dict[str, Any]:
    return {**_GIT, "push": push}


@pytest.mark.parametrize(
    ("fields", "blocked", "reason", "message"),
    [
        (
            {"git": None},
            False,
            "InvalidSourceConfiguration",
            "source kind 'GitRepository' necessitates field .spec.git: invalid source configuration",
        ),
        ({"update": None}, False, "InvalidUpdateStrategy", "no update strategy"),
        (
            {"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "flux-system"}},
            True,
            "AccessDenied",
            "can't access 'GitRepository/flux-system/fleet', cross-namespace references have been blocked",
        ),
    ],
)
def test_what_is_wrong_by_itself(fields: dict[str, Any], blocked: bool, reason: str, message: str) -> None:
    refused = automation.refusal(_automation(**fields), no_cross_namespace_refs=blocked)
    assert refused is not None
    assert (refused.reason, refused.message) == (reason, message)
    assert refused.remedy
    if blocked:
        assert automation.refusal(_automation(**fields), no_cross_namespace_refs=False) is None
    assert automation.refusal(_automation(), no_cross_namespace_refs=True) is None


_MAIN = GitRef(branch="main")


@pytest.mark.parametrize(
    ("git", "ref", "found", "switches"),
    [
        (_GIT, _MAIN, Branches(_MAIN, "main"), False),
        (
            {**_GIT, "checkout": {"ref": {"branch": "dev"}}},
            _MAIN,
            Branches(GitRef(branch="dev"), "dev"),
            False,
        ),
        (_push(branch="main"), _MAIN, Branches(_MAIN, "main"), False),
        (_push(branch="bot"), _MAIN, Branches(_MAIN, "bot"), True),
        (_push(branch="bot"), None, Branches(None, "bot"), True),
        (_push(branch="master"), None, Branches(None, "master"), False),
        (_push(branch="master"), GitRef(tag="v1"), Branches(GitRef(tag="v1"), "master"), True),
        (_push(refspec="a:b"), _MAIN, Branches(_MAIN, "main", "a:b"), False),
        (_push(branch="bot", refspec="a:b"), _MAIN, Branches(_MAIN, "bot", "a:b"), True),
        (_push(branch="", refspec=""), _MAIN, Branches(_MAIN, "main"), False),
    ],
)
def test_where_commits_go(git: dict[str, Any], ref: GitRef | None, found: Branches, switches: bool) -> None:
    where = automation.branches(_automation(git=git), ref)
    assert where == found
    assert where.switches is switches


@pytest.mark.parametrize("ref", [None, GitRef(tag="v1"), GitRef(branch="")])
def test_where_no_branch_is_named_nothing_can_be_pushed(ref: GitRef | None) -> None:
    with pytest.raises(SourceFailed) as raised:
        automation.branches(_automation(), ref)
    assert raised.value.message == (
        "failed configuring source manager: push spec not provided, and cannot be inferred from"
        " .spec.git.checkout.ref or GitRepository .spec.ref"
    )
    assert raised.value.reason == "SourceManagerFailed"
    assert raised.value.retryable, "the GitRepository may get a branch"


@pytest.mark.parametrize(("refspec", "what"), [(":main", "a deletion"), ("+a:b", "a force update")])
def test_a_refspec_neither_deletes_nor_forces(refspec: str, what: str) -> None:
    # The API server refuses it already, but not where its CustomResourceDefinition is older.
    spec = _automation(git=_push(refspec="x")).spec
    assert spec.git is not None
    push = Push.model_construct(branch=None, options=None, refspec=refspec)
    git = spec.git.model_copy(update={"push": push})
    older = _automation().model_copy(update={"spec": spec.model_copy(update={"git": git})})
    with pytest.raises(TerminalError, match=f"push refspec must not specify {what}: invalid source"):
        automation.branches(older, _MAIN)


def _expression(operator: str, *values: str, key: str = "team") -> dict[str, Any]:
    return {
        "matchExpressions": [
            {"key": key, "operator": operator, **({"values": list(values)} if values else {})}
        ]
    }


_POLICIES = [
    _policy("web", team="web", env="prod"),
    _policy("api", team="api"),
    _policy("bare"),
    _policy("new", tag="", team="web"),
    _policy("away", namespace="other", team="web"),
]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        (None, "web api bare"),
        ({}, "web api bare"),
        ({"matchLabels": {"team": "web"}}, "web"),
        ({"matchLabels": {"team": "web", "env": "dev"}}, ""),
        ({"matchLabels": {"team": ""}}, ""),
        (_expression("In", "web", "api"), "web api"),
        (_expression("NotIn", "web"), "api bare"),
        (_expression("Exists"), "web api"),
        (_expression("DoesNotExist"), "bare"),
        ({**_expression("Exists"), "matchLabels": {"env": "prod"}}, "web"),
    ],
)
def test_which_policies_are_written(selector: Any, names: str) -> None:
    found = automation.followed(_automation(policySelector=selector), _POLICIES)
    assert " ".join(found) == names
    assert all(ref == ImageRef(name="web", tag="1") for ref in found.values())


@pytest.mark.parametrize(
    ("selector", "problem"),
    [
        (_expression("Like", "web"), '"Like" is not a valid label selector operator'),
        (
            _expression("In"),
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            _expression("Exists", "web"),
            'values: Invalid value: ["web"]: values set must be empty for exists and does not exist',
        ),
        (_expression("NotIn", "a b"), 'values: Invalid value: ["a b"]: it is not the value of a label'),
        (_expression("NotIn", "a", key="a b"), 'key: Invalid value: "a b": it is not the key of a label'),
        ({"matchLabels": {"/x": "a"}}, 'key: Invalid value: "/x": it is not the key of a label'),
    ],
)
def test_a_selector_that_says_nothing_is_refused(selector: Any, problem: str) -> None:
    with pytest.raises(FairwayError) as raised:
        automation.followed(_automation(policySelector=selector), [])
    assert raised.value.message == f"failed to parse policy selector: {problem}"
    assert (raised.value.reason, raised.value.retryable) == ("InvalidPolicySelector", False)


_WEB = {"web": ImageRef(name="web", tag="1")}
_HERE, _ELSEWHERE = Branches(_MAIN, "main"), Branches(_MAIN, "bot")


@pytest.mark.parametrize(
    ("known", "images", "where", "news"),
    [
        ({"web": {"name": "web", "tag": "1"}}, _WEB, _HERE, False),
        ({"web": {"name": "web", "tag": "1", "digest": ""}}, _WEB, _HERE, False),
        ({"web": {"name": "web", "tag": "0"}}, _WEB, _HERE, True),
        ({"web": {"name": "web", "tag": "1", "digest": "sha256:0"}}, _WEB, _HERE, True),
        ({}, _WEB, _HERE, True),
        (None, _WEB, _HERE, True),
        (None, {}, _HERE, False),
        ({"web": {"name": "web", "tag": "1"}}, {}, _HERE, True),
        ({"web": {"name": "web", "tag": "1"}}, _WEB, _ELSEWHERE, True),
        ({"web": {"name": "web", "tag": "1"}}, _WEB, Branches(_MAIN, "main", "a:b"), True),
    ],
)
def test_when_there_is_news_although_the_source_is_where_it_was(
    known: Any, images: dict[str, ImageRef], where: Branches, news: bool
) -> None:
    status = {} if known is None else {"observedPolicies": known}
    assert automation.news(_automation(status=status), images, where) is news


def test_a_push_is_said_in_upstreams_words() -> None:
    sha = "0123456789abcdef" * 2 + "01234567"
    assert automation.pushed(sha, "main", "", "") == "pushed commit '0123456' to branch 'main'"
    assert automation.pushed(sha, "bot", "a:b", "Update") == (
        "pushed commit '0123456' to branch 'bot' and refspecs 'a:b'\nUpdate"
    )
