# SPDX-License-Identifier: Apache-2.0
"""What is read of each event in which people take part."""

from __future__ import annotations

import copy
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.github.administration import Installation, InstallationAction, RepositoryAction
from policies.github.checks import CheckRunAction, CheckSuiteAction, MergeGroupAction
from policies.github.comments import CommentAction, ReviewAction
from policies.github.events import (
    Account,
    CheckRun,
    CheckSuite,
    Comment,
    Event,
    MalformedEvent,
    MergeGroup,
    Other,
    PullRequest,
    Repository,
    RepositoryChange,
    Review,
    parse,
)
from policies.github.pull_requests import Base, Head, PullRequestAction
from tests.policies.github import bodies
from tests.policies.github.bodies import BASE, BOT, EVENTS, HEAD, MERGED
from tests.sandbox.forge.descriptions import examples

FLEET, ALICE = Repository(7, "acme", "fleet", private=True), Account(11, "alice", bot=False)


def test_a_pull_request() -> None:
    assert parse("pull_request", bodies.pull_request()) == PullRequest(
        repository=FLEET,
        installation_id=3,
        action=PullRequestAction.OPENED,
        sender=ALICE,
        number=41,
        author=ALICE,
        head=Head("feature/x", HEAD, 7),
        base=Base("main", BASE),
        draft=False,
        merged=False,
        merge_commit_sha=None,
        old_base=None,
    )


def pull_request(action: str = "opened", **changes: Any) -> PullRequest:
    found = parse("pull_request", bodies.pull_request(action, **changes))
    assert isinstance(found, PullRequest)
    return found


def test_a_merged_pull_request_names_what_was_merged() -> None:
    found = pull_request("closed", merged=True, merge_commit_sha=MERGED)
    assert (found.action, found.merged, found.merge_commit_sha) == (PullRequestAction.CLOSED, True, MERGED)


@pytest.mark.parametrize(
    ("repo", "fork"), [({"id": 7}, False), ({"id": 8}, True), (None, True)], ids=["own", "fork", "fork gone"]
)
def test_a_head_elsewhere_is_a_fork_also_when_that_is_gone(repo: Any, fork: bool) -> None:
    assert pull_request(head={"ref": "main", "sha": HEAD, "repo": repo}).from_fork is fork


def test_a_retargeted_pull_request_says_from_where() -> None:
    body = bodies.pull_request("edited") | {
        "changes": {"base": {"ref": {"from": "old"}, "sha": {"from": BASE}}}
    }
    found = parse("pull_request", body)
    assert isinstance(found, PullRequest)
    assert found.old_base == "old"
    renamed = parse("pull_request", bodies.pull_request("edited") | {"changes": {"title": {"from": "x"}}})
    assert isinstance(renamed, PullRequest)
    assert renamed.old_base is None


def test_an_account_that_is_gone_is_no_author() -> None:
    assert pull_request(user=None).author is None


def test_a_comment() -> None:
    found = parse("issue_comment", bodies.comment("/help\r\n\u00e9"))
    assert found == Comment(
        repository=FLEET,
        installation_id=3,
        action=CommentAction.CREATED,
        sender=ALICE,
        number=41,
        is_pull_request=True,
        id=99,
        author=ALICE,
        app_id=None,
        body="/help\r\n\u00e9",
    )
    assert found.digest == hashlib.sha256("/help\r\n\u00e9".encode()).hexdigest()


def test_a_comment_on_an_issue_and_one_of_an_app() -> None:
    found = parse("issue_comment", bodies.comment("x", issue=True))
    assert isinstance(found, Comment)
    assert not found.is_pull_request
    ours = {"id": 1, "user": BOT, "body": "x", "performed_via_github_app": {"id": 5}}
    found = parse("issue_comment", bodies.comment("x", "deleted", comment=ours))
    assert isinstance(found, Comment)
    assert (found.action, found.app_id, found.author) == (
        CommentAction.DELETED,
        5,
        Account(12, "fairway[bot]", bot=True),
    )


def test_a_review() -> None:
    assert parse("pull_request_review", bodies.review("/help")) == Review(
        repository=FLEET,
        installation_id=3,
        action=ReviewAction.SUBMITTED,
        sender=ALICE,
        number=41,
        id=98,
        author=ALICE,
        state="approved",
        commit_sha=HEAD,
        body="/help",
    )


def test_a_review_without_words_has_an_empty_body() -> None:
    found = parse("pull_request_review", bodies.review(None))
    assert isinstance(found, Review)
    assert found.body == ""


def test_checks() -> None:
    again = parse("check_run", bodies.check_run())
    assert again == CheckRun(
        repository=FLEET,
        installation_id=3,
        action=CheckRunAction.REREQUESTED,
        sender=ALICE,
        id=97,
        name="fairway/prod",
        head_sha=HEAD,
        external_id="x",
        app_id=5,
        identifier="",
    )
    pressed = parse("check_run", EVENTS["check_run"])
    assert isinstance(pressed, CheckRun)
    assert (pressed.action, pressed.identifier) == (CheckRunAction.REQUESTED_ACTION, "retry")
    assert parse("check_suite", bodies.check_suite()) == CheckSuite(
        repository=FLEET,
        installation_id=3,
        action=CheckSuiteAction.REREQUESTED,
        sender=ALICE,
        id=96,
        head_sha=HEAD,
        branch="feature/x",
        app_id=5,
    )


def test_a_merge_group() -> None:
    assert parse("merge_group", bodies.merge_group("destroyed")) == MergeGroup(
        repository=FLEET,
        installation_id=3,
        action=MergeGroupAction.DESTROYED,
        head_sha=HEAD,
        head_ref="refs/heads/gh-readonly-queue/main/pr-41-x",
        base_sha=BASE,
        base_ref="refs/heads/main",
    )


def test_permissions_that_were_accepted() -> None:
    found = parse("installation", bodies.installation())
    assert found == Installation(3, "acme", InstallationAction.NEW_PERMISSIONS_ACCEPTED)


@pytest.mark.parametrize(
    ("action", "changes", "expected"),
    [
        ("renamed", {"repository": {"name": {"from": "old"}}}, ("old", None, None)),
        ("transferred", {"owner": {"from": {"user": {"login": "bob"}}}}, (None, "bob", None)),
        ("transferred", {"owner": {"from": {"organization": {"login": "org"}}}}, (None, "org", None)),
        ("edited", {"default_branch": {"from": "master"}}, (None, None, "master")),
        ("privatized", {}, (None, None, None)),
    ],
)
def test_a_repository_that_changed(action: str, changes: Any, expected: tuple[Any, ...]) -> None:
    found = parse("repository", bodies.repository(action, **changes))
    assert isinstance(found, RepositoryChange)
    assert found.action is RepositoryAction(action)
    assert (found.old_name, found.old_owner, found.old_default_branch) == expected


@pytest.mark.parametrize("name", EVENTS)
def test_an_action_that_concerns_nobody_is_left_whatever_else_is_in_it(name: str) -> None:
    place = EVENTS["installation"] if name == "installation" else bodies.PLACE
    assert parse(name, {**place, "action": "labelled_anew"}) == Other(name, "labelled_anew", "acme")


def paths(node: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = node.items() if isinstance(node, dict) else ()
    return [path for key, value in inner for path in ((*at, key), *paths(value, (*at, key)))]


def changed(body: Any, path: tuple[str, ...], value: Any) -> Any:
    body = copy.deepcopy(body)
    place = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return body


_WRONG = [[], "", "a b", "\u202e", -1, 1.5, True, {}, "x" * 2_000_000]


@pytest.mark.parametrize("name", EVENTS)
def test_a_value_that_github_would_not_send_is_refused_without_repeating_it(name: str) -> None:
    whole = parse(name, EVENTS[name])
    refusals = []
    for path in paths(EVENTS[name]):
        for wrong in _WRONG:
            try:
                found: Event | None = parse(name, changed(EVENTS[name], path, wrong))
            except MalformedEvent as error:
                refusals.append(str(error))
            else:
                # What was let through is either not read at all, or what any text may be.
                assert type(found) in (type(whole), Other), path
    assert len(refusals) > 4 * len(paths(EVENTS[name]))
    assert [said for said in refusals if len(said) > 200 or "a b" in said] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_no_payload_does_more_than_be_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(EVENTS)))
    body = data.draw(st.sampled_from([EVENTS[name], *examples(name)]))
    for path in data.draw(st.lists(st.sampled_from(paths(body)), min_size=1, max_size=3)):
        try:
            body = changed(body, path, data.draw(JSON))
        except (KeyError, TypeError):
            continue  # an earlier change took its place away
    try:
        assert parse(name, body) is not None
    except MalformedEvent:
        return


def _at(body: Any, *path: str) -> Any:
    for key in path:
        body = None if body is None else body.get(key)
    return body


@pytest.mark.parametrize(
    ("name", "read"),
    [
        (
            "pull_request",
            {
                ("number",): ("pull_request", "number"),
                ("head", "sha"): ("pull_request", "head", "sha"),
                ("head", "ref"): ("pull_request", "head", "ref"),
                ("head", "repository_id"): ("pull_request", "head", "repo", "id"),
                ("base", "ref"): ("pull_request", "base", "ref"),
                ("base", "sha"): ("pull_request", "base", "sha"),
                ("merged",): ("pull_request", "merged"),
                ("draft",): ("pull_request", "draft"),
                ("merge_commit_sha",): ("pull_request", "merge_commit_sha"),
                ("author", "id"): ("pull_request", "user", "id"),
            },
        ),
        (
            "issue_comment",
            {
                ("id",): ("comment", "id"),
                ("body",): ("comment", "body"),
                ("number",): ("issue", "number"),
                ("author", "login"): ("comment", "user", "login"),
                ("app_id",): ("comment", "performed_via_github_app", "id"),
            },
        ),
        (
            "pull_request_review",
            {
                ("id",): ("review", "id"),
                ("state",): ("review", "state"),
                ("commit_sha",): ("review", "commit_id"),
                ("author", "id"): ("review", "user", "id"),
            },
        ),
        (
            "check_run",
            {
                ("id",): ("check_run", "id"),
                ("name",): ("check_run", "name"),
                ("head_sha",): ("check_run", "head_sha"),
                ("app_id",): ("check_run", "app", "id"),
            },
        ),
        (
            "check_suite",
            {("branch",): ("check_suite", "head_branch"), ("head_sha",): ("check_suite", "head_sha")},
        ),
        (
            "merge_group",
            {("head_ref",): ("merge_group", "head_ref"), ("base_sha",): ("merge_group", "base_sha")},
        ),
        ("repository", {("old_name",): ("changes", "repository", "name", "from")}),
    ],
)
def test_what_is_read_is_what_github_recorded(
    name: str, read: dict[tuple[str, ...], tuple[str, ...]]
) -> None:
    compared = 0
    for body in examples(name):
        event: Any = parse(name, body)
        if isinstance(event, Other):
            assert event.account == body["repository"]["owner"]["login"]
            continue
        compared += 1
        found = body["repository"]
        assert (event.repository.owner, event.repository.name) == (found["owner"]["login"], found["name"])
        assert event.installation_id == _at(body, "installation", "id")
        assert str(event.action) == body["action"]
        for ours, theirs in read.items():
            value = event
            for attribute in ours:
                value = getattr(value, attribute)
            assert value == _at(body, *theirs), (ours, body["action"])
    assert compared
