# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.github.events import (
    KNOWN,
    CheckRun,
    CheckSuite,
    Comment,
    Installation,
    MalformedEvent,
    MergeGroup,
    Other,
    Ping,
    PullRequest,
    Push,
    Repository,
    RepositoryChange,
    Review,
    parse,
)
from tests.sandbox.forge.descriptions import EXAMPLES, examples, fetched

SHA, ZERO = "a" * 40, "0" * 40


def push(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": ZERO,
        "after": SHA,
        "repository": {"id": 7, "name": "fleet", "private": True, "owner": {"login": "acme", "name": "acme"}},
        "installation": {"id": 3},
    }
    for path, value in changes.items():
        *above, last = path.split("__")
        place = body
        for key in above:
            place = place[key]
        if value is KeyError:
            del place[last]
        else:
            place[last] = value
    return body


def test_a_push_becomes_a_value() -> None:
    assert parse("push", push()) == Push(
        repository=Repository(7, "acme", "fleet", private=True),
        installation_id=3,
        ref="refs/heads/main",
        before=ZERO,
        after=SHA,
    )


def test_a_push_knows_whose_it_is_and_whether_the_ref_is_gone() -> None:
    event = parse("push", push(before=SHA, after=ZERO))
    assert isinstance(event, Push)
    assert (event.account, event.repository.full_name, event.deleted) == ("acme", "acme/fleet", True)


def test_a_repositorys_own_webhook_names_no_installation() -> None:
    event = parse("push", push(installation=KeyError))
    assert isinstance(event, Push)
    assert event.installation_id is None


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/feature/ümlaut",
        "refs/heads/a.b-c_d",
        "refs/tags/v1.2.3+build",
        "refs/heads/@",
        "refs/heads/-x",
    ],
)
def test_refs_that_git_allows_are_taken(ref: str) -> None:
    event = parse("push", push(ref=ref))
    assert isinstance(event, Push)
    assert event.ref == ref


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"ref": KeyError}, "ref is missing", id="no ref"),
        pytest.param({"ref": None}, "ref is not of the type", id="null ref"),
        pytest.param({"ref": "main"}, "ref is not as", id="short ref"),
        pytest.param({"ref": "refs/heads/--upload-pack=x y"}, "ref", id="blank"),
        pytest.param({"ref": "refs/heads/a\nb"}, "ref", id="line end"),
        pytest.param({"ref": "refs/heads/main\n"}, "ref", id="line end at the end"),
        pytest.param({"ref": "refs/heads/a\x00"}, "ref", id="nul"),
        pytest.param({"ref": "refs/heads/a..b"}, "ref", id="two dots"),
        pytest.param({"ref": "refs/heads/../../config"}, "ref", id="upwards"),
        pytest.param({"ref": "refs/heads/.a"}, "ref", id="hidden"),
        pytest.param({"ref": "refs/heads/a/.b"}, "ref", id="hidden below"),
        pytest.param({"ref": "refs/heads/a.lock"}, "ref", id="lock"),
        pytest.param({"ref": "refs/heads/a:refs/heads/b"}, "ref", id="refspec"),
        pytest.param({"ref": "refs/heads/*"}, "ref", id="pattern"),
        pytest.param({"ref": "refs/heads/a@{1}"}, "ref", id="reflog"),
        pytest.param({"ref": "refs/heads/"}, "ref", id="empty name"),
        pytest.param({"ref": "refs/pull/1/head"}, "ref", id="neither branch nor tag"),
        pytest.param({"ref": "refs/heads/" + "a" * 5000}, "ref", id="too long"),
        pytest.param({"after": "HEAD"}, "after", id="no sha"),
        pytest.param({"after": "A" * 40}, "after", id="capital sha"),
        pytest.param({"after": "a" * 41}, "after", id="sha of no length"),
        pytest.param({"before": 5}, "before", id="number for sha"),
        pytest.param({"repository": []}, "repository.owner is missing", id="list for repository"),
        pytest.param({"repository": KeyError}, "repository is missing", id="no repository"),
        pytest.param({"repository__id": True}, "repository.id", id="bool for id"),
        pytest.param({"repository__id": "7"}, "repository.id", id="text for id"),
        pytest.param({"repository__id": 7.0}, "repository.id", id="float for id"),
        pytest.param({"repository__id": float("inf")}, "repository.id", id="infinite id"),
        pytest.param({"repository__id": -1}, "repository.id", id="negative id"),
        pytest.param({"repository__id": 10**30}, "repository.id", id="huge id"),
        pytest.param({"repository__name": ".."}, "repository.name", id="upwards as name"),
        pytest.param({"repository__name": "."}, "repository.name", id="dot as name"),
        pytest.param({"repository__name": "..\n"}, "repository.name", id="upwards and line end as name"),
        pytest.param({"repository__name": "a/b"}, "repository.name", id="slash in name"),
        pytest.param({"repository__name": "<b>"}, "repository.name", id="markup in name"),
        pytest.param({"repository__owner": {"login": "a b"}}, "repository.owner.login", id="blank in owner"),
        pytest.param({"repository__owner": {}}, "repository.owner.name is missing", id="nameless owner"),
        pytest.param({"repository__owner": "acme"}, "repository.owner", id="text for owner"),
        pytest.param({"repository__private": "false"}, "repository.private", id="text for private"),
        pytest.param({"repository__private": KeyError}, "repository.private", id="private or not unsaid"),
        pytest.param({"installation": {}}, "installation.id is missing", id="installation without id"),
        pytest.param({"installation": 3}, "installation.id", id="number for installation"),
    ],
)
def test_a_push_that_is_not_as_documented_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(MalformedEvent, match=said):
        parse("push", push(**changes))


def test_a_refusal_repeats_nothing_of_the_payload() -> None:
    with pytest.raises(MalformedEvent) as raised:
        parse("push", push(ref="refs/heads/<script>alert(1)</script> x"))
    assert "script" not in str(raised.value)


@pytest.mark.parametrize("payload", [None, [], "push", 5, True])
def test_only_an_object_is_a_payload(payload: Any) -> None:
    for name in [*KNOWN, "issues"]:
        with pytest.raises(MalformedEvent, match="not a JSON object"):
            parse(name, payload)


@pytest.mark.parametrize("name", ["", "PUSH", "issues", "push ", "push\n", "__class__"])
def test_an_event_we_do_not_know_is_none(name: str) -> None:
    assert parse(name, push()) is None


def test_every_event_that_github_recorded_is_understood_or_left() -> None:
    seen = set()
    for entry in fetched(*EXAMPLES):
        for body in entry["examples"]:
            event = parse(entry["name"], body)
            assert (event is not None) == (entry["name"] in KNOWN), entry["name"]
            seen.add(type(event))
    assert seen == {
        Push,
        Ping,
        PullRequest,
        Comment,
        Review,
        CheckRun,
        CheckSuite,
        MergeGroup,
        Installation,
        RepositoryChange,
        Other,
        type(None),
    }


def test_what_is_read_is_what_github_recorded() -> None:
    for body in examples("push"):
        event = parse("push", body)
        assert isinstance(event, Push)
        assert event.repository.full_name == body["repository"]["full_name"]
        assert event.repository.id == body["repository"]["id"]
        assert event.repository.private is body["repository"]["private"]
        assert (event.ref, event.before, event.after) == (body["ref"], body["before"], body["after"])
        assert event.deleted is body["deleted"]
        assert event.installation_id == body.get("installation", {}).get("id")
    for name in ("installation", "installation_repositories"):
        for body in examples(name):
            event = parse(name, body)
            assert event == Installation(
                body["installation"]["id"], body["installation"]["account"]["login"], body["action"]
            )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(st.data())
def test_no_payload_does_more_than_be_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(KNOWN)))
    body = copy.deepcopy(data.draw(st.sampled_from([push(), *examples(name)])))
    place: Any = body
    while isinstance(place, dict) and place:
        key = data.draw(st.sampled_from(sorted(place)))
        if data.draw(st.booleans()) or not isinstance(place[key], dict):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    try:
        event = parse(name, body)
    except MalformedEvent:
        return
    assert event is not None
