# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import hmac
import socket
from typing import Any

import pytest

from sandbox.forge.admin import Forge
from tests.sandbox.forge.conftest import MakeStage, Received, Receiver, Stage, until
from tests.sandbox.forge.descriptions import check_event, examples

ZERO = "0" * 40


@pytest.fixture
def heard(make_stage: MakeStage, receiver: Receiver) -> Stage:
    """A stage whose App hears of pushes; it has heard ping and installation."""
    stage = make_stage(webhook=receiver.url)
    receiver.wait("installation")
    return stage


def push(receiver: Receiver, count: int = 1) -> Any:
    """The last of so many pushes; wait for each before the next: deliveries may overtake each other."""
    delivery: Received = receiver.wait("push", count)[-1]
    check_event("push", None, delivery.payload)
    return delivery.payload


def test_an_app_is_greeted_and_told_of_its_installation(heard: Stage, receiver: Receiver) -> None:
    (ping,), (installation,) = receiver.wait("ping"), receiver.wait("installation")
    check_event("ping", None, ping.payload)
    assert ping.payload["hook"]["app_id"] == heard.app.id
    check_event("installation", "created", installation.payload)
    assert installation.payload["installation"]["id"] == heard.installation
    assert [repo["full_name"] for repo in installation.payload["repositories"]] == [heard.repo.full_name]


def test_uninstalling_is_told_too(heard: Stage, receiver: Receiver) -> None:
    heard.forge.uninstall(heard.installation)
    deleted = receiver.wait("installation", 2)[-1]
    check_event("installation", "deleted", deleted.payload)
    assert deleted.payload["installation"]["id"] == heard.installation


def test_a_delivery_is_signed_and_named(heard: Stage, receiver: Receiver) -> None:
    heard.forge.commit(heard.repo, {"a.txt": "zwei ä\n"}, "Ümlaut")
    (delivery,) = receiver.wait("push")
    for header, name in (("X-Hub-Signature-256", "sha256"), ("X-Hub-Signature", "sha1")):
        digest = hmac.new(b"hush", delivery.body, name).hexdigest()
        assert delivery.headers[header] == f"{name}={digest}"
    assert delivery.headers["X-GitHub-Event"] == "push"
    assert delivery.headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert delivery.headers["Content-Type"] == "application/json"
    assert delivery.headers["X-GitHub-Hook-Installation-Target-Type"] == "integration"
    assert delivery.headers["X-GitHub-Hook-Installation-Target-ID"] == str(heard.app.id)
    assert delivery.headers["X-GitHub-Hook-ID"].isdigit()


def test_a_push_tells_what_changed(heard: Stage, receiver: Receiver) -> None:
    sha = heard.forge.commit(
        heard.repo, {"a.txt": None, "b/c.txt": "c\n"}, "Move\n\nwith reason", author="bob"
    )
    payload = push(receiver)
    assert (payload["ref"], payload["before"], payload["after"]) == ("refs/heads/main", heard.head, sha)
    assert (payload["created"], payload["deleted"], payload["forced"]) == (False, False, False)
    (commit,) = payload["commits"]
    assert commit == payload["head_commit"]
    assert (commit["id"], commit["distinct"], commit["message"]) == (sha, True, "Move\n\nwith reason")
    assert (commit["added"], commit["removed"], commit["modified"]) == (["b/c.txt"], ["a.txt"], [])
    assert commit["author"]["username"] == "bob"
    assert payload["pusher"]["name"] == payload["sender"]["login"] == "bob"
    assert payload["repository"]["id"] == heard.repo.id
    assert payload["installation"]["id"] == heard.installation
    assert payload["compare"].endswith(f"/compare/{heard.head[:12]}...{sha[:12]}")
    assert payload["organization"]["login"] == heard.owner


def test_a_push_has_whatever_all_of_githubs_recorded_pushes_have(heard: Stage, receiver: Receiver) -> None:
    heard.forge.commit(heard.repo, {"a.txt": "two\n"}, "change")
    payload, recorded = push(receiver), examples("push")
    assert set.intersection(*(set(example) for example in recorded)) <= payload.keys()
    known = set.intersection(*(set(example["repository"]) for example in recorded))
    assert known <= payload["repository"].keys()
    with_head = [example["head_commit"] for example in recorded if example["head_commit"]]
    assert set.intersection(*(set(head) for head in with_head)) == payload["head_commit"].keys()


def test_a_new_branch_lists_only_commits_that_no_branch_had(heard: Stage, receiver: Receiver) -> None:
    sha = heard.forge.commit(heard.repo, {"b.txt": "b\n"}, "side", branch="side")
    payload = push(receiver)
    assert (payload["created"], payload["before"]) == (True, ZERO)
    assert [commit["id"] for commit in payload["commits"]] == [sha]
    heard.forge.set_ref(heard.repo, "refs/heads/same", sha)
    payload = push(receiver, 2)
    assert (payload["commits"], payload["head_commit"]["distinct"]) == ([], False)


def test_a_branch_that_catches_up_lists_commits_that_are_not_distinct(
    heard: Stage, receiver: Receiver
) -> None:
    sha = heard.forge.commit(heard.repo, {"b.txt": "b\n"}, "side", branch="side")
    push(receiver)
    heard.forge.set_ref(heard.repo, "refs/heads/main", sha)
    payload = push(receiver, 2)
    assert [(commit["id"], commit["distinct"]) for commit in payload["commits"]] == [(sha, False)]
    assert payload["forced"] is False


def test_a_forced_push_says_so(heard: Stage, receiver: Receiver) -> None:
    sha = heard.forge.commit(heard.repo, {"a.txt": "two\n"}, "change")
    push(receiver)
    heard.forge.set_ref(heard.repo, "refs/heads/main", heard.head)
    payload = push(receiver, 2)
    assert (payload["forced"], payload["before"], payload["after"]) == (True, sha, heard.head)
    assert payload["commits"] == []


def test_a_deleted_branch_has_no_head(heard: Stage, receiver: Receiver) -> None:
    heard.forge.set_ref(heard.repo, "refs/heads/gone", heard.head)
    push(receiver)
    heard.forge.set_ref(heard.repo, "refs/heads/gone", None)
    payload = push(receiver, 2)
    assert (payload["deleted"], payload["after"], payload["head_commit"]) == (True, ZERO, None)


@pytest.mark.parametrize("message", [None, "annotated"])
def test_a_tag_is_a_push_without_commits(heard: Stage, receiver: Receiver, message: str | None) -> None:
    heard.forge.set_ref(heard.repo, "refs/tags/v1.0.0", heard.head, message=message)
    payload = push(receiver)
    assert (payload["ref"], payload["created"], payload["commits"]) == ("refs/tags/v1.0.0", True, [])
    assert payload["head_commit"]["id"] == heard.head
    assert (payload["after"] == heard.head) is (message is None)


def test_only_apps_that_cover_the_repository_hear_of_it(
    forge: Forge, heard: Stage, receiver: Receiver
) -> None:
    forge.create_repository(f"other-{heard.app.id}", "fleet", files={"a": "b"})
    deaf = forge.create_app(f"deaf {heard.app.id}", receiver.url, events=[])
    forge.install(deaf, heard.owner)
    heard.forge.commit(heard.repo, {"a.txt": "two\n"}, "change")
    receiver.wait("push")
    receiver.wait("installation", 2)
    targets = {entry.headers["X-GitHub-Hook-Installation-Target-ID"] for entry in receiver.events("push")}
    assert targets == {str(heard.app.id)}
    assert len(receiver.events("push")) == 1


def test_a_held_push_goes_out_when_released(heard: Stage, receiver: Receiver) -> None:
    first = heard.forge.commit(heard.repo, {"a.txt": "1\n"}, "first", deliver=False)
    second = heard.forge.commit(heard.repo, {"a.txt": "2\n"}, "second")
    assert push(receiver)["after"] == second
    pushes = heard.forge.deliveries(event="push")
    (held,) = [e for e in pushes if (e["phase"], e["repository_id"]) == ("held", heard.repo.id)]
    assert held["payload"]["after"] == first
    heard.forge.release(held["id"])
    assert push(receiver, 2)["after"] == first


def test_deliveries_are_recorded_and_redelivered_under_their_guid(heard: Stage, receiver: Receiver) -> None:
    receiver.status = 500
    heard.forge.commit(heard.repo, {"a.txt": "two\n"}, "change")
    api = heard.as_app()
    failed = until(lambda: api.get("/app/hook/deliveries?status=failure").body)
    assert (failed[0]["event"], failed[0]["status_code"], failed[0]["redelivery"]) == ("push", 500, False)
    assert failed[0]["repository_id"] == heard.repo.id
    detail = api.get(f"/app/hook/deliveries/{failed[0]['id']}").body
    assert detail["request"]["payload"]["after"] == heard.forge.refs(heard.repo)["refs/heads/main"]
    assert detail["request"]["headers"]["X-GitHub-Delivery"] == failed[0]["guid"]
    assert detail["response"] == {"headers": detail["response"]["headers"], "payload": "heard"}
    assert detail["response"]["headers"]["X-Served-By"] == "test"

    receiver.status = 202
    assert api.post(f"/app/hook/deliveries/{failed[0]['id']}/attempts").status == 202
    first, second = receiver.wait("push", 2)
    assert (first.body, first.headers["X-GitHub-Delivery"]) == (
        second.body,
        second.headers["X-GitHub-Delivery"],
    )
    again = until(lambda: [entry for entry in api.get("/app/hook/deliveries").body if entry["redelivery"]])
    assert (again[0]["status"], again[0]["guid"]) == ("OK", failed[0]["guid"])


def test_deliveries_are_listed_by_cursor(heard: Stage, receiver: Receiver) -> None:
    api = heard.as_app()
    until(lambda: len(api.get("/app/hook/deliveries").body) == 2)
    first = api.get("/app/hook/deliveries?per_page=1")
    address = first.headers["Link"].partition(">")[0].removeprefix("<")
    assert first.headers["Link"].endswith('rel="next"')
    second = api.get(address.removeprefix(heard.forge.api_url))
    assert [first.body[0]["event"], second.body[0]["event"]] == ["installation", "ping"]
    assert "Link" not in second.headers


def test_a_list_of_failures_goes_on_with_failures(heard: Stage, receiver: Receiver) -> None:
    api = heard.as_app()
    receiver.status = 500
    for number in range(2):
        heard.forge.commit(heard.repo, {"a.txt": f"{number}\n"}, "change")
    until(lambda: len(api.get("/app/hook/deliveries?status=failure").body) == 2)
    first = api.get("/app/hook/deliveries?status=failure&per_page=1")
    address = first.headers["Link"].partition(">")[0].removeprefix("<")
    second = api.get(address.removeprefix(heard.forge.api_url))
    assert [first.body[0]["status_code"], second.body[0]["status_code"]] == [500, 500]
    assert "Link" not in second.headers


@pytest.mark.parametrize(("query", "status"), [("cursor=x", 400), ("status=lost", 422)])
def test_a_list_that_is_asked_for_wrongly_is_refused(stage: Stage, query: str, status: int) -> None:
    assert stage.as_app().get(f"/app/hook/deliveries?{query}").status == status


def test_another_apps_delivery_is_not_there(heard: Stage, make_stage: MakeStage) -> None:
    api = heard.as_app()
    delivery = until(lambda: api.get("/app/hook/deliveries").body)[0]["id"]
    stranger = make_stage().as_app()
    assert stranger.get("/app/hook/deliveries").body == []
    assert stranger.get(f"/app/hook/deliveries/{delivery}").status == 404
    assert stranger.post(f"/app/hook/deliveries/{delivery}/attempts").status == 404


def test_a_webhook_that_nobody_hears_is_recorded_as_failed(make_stage: MakeStage) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        stage = make_stage(webhook=f"http://127.0.0.1:{unused.getsockname()[1]}/")
        failed = until(lambda: stage.as_app().get("/app/hook/deliveries?status=failure").body)
    assert (failed[0]["status"], failed[0]["status_code"]) == ("failed to connect to host", 502)


def test_the_webhook_can_be_moved_and_its_secret_stays_hidden(heard: Stage, receiver: Receiver) -> None:
    api = heard.as_app()
    assert api.get("/app/hook/config").body["secret"] == "********"
    moved = api("PATCH", "/app/hook/config", {"url": receiver.url + "?moved", "secret": "new"})
    assert (moved.body["url"], moved.body["secret"]) == (receiver.url + "?moved", "********")
    heard.forge.commit(heard.repo, {"a.txt": "two\n"}, "change")
    (delivery,) = receiver.wait("push")
    expected = hmac.new(b"new", delivery.body, hashlib.sha256).hexdigest()
    assert delivery.headers["X-Hub-Signature-256"] == f"sha256={expected}"
