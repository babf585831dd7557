# SPDX-License-Identifier: Apache-2.0
"""Registries that lie, stall, flood and send elsewhere: each is an error that says so, in bounded time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.registry.images import image
from tests.fixtures.registry import Asked, Hostile, Image, Reply
from tests.workers.registry.conftest import Open, login, wall
from workers.registry import (
    AccessDenied,
    Budget,
    ForbiddenAddress,
    Limited,
    Limits,
    MemoryShelf,
    NotThere,
    Registries,
    RegistryError,
    RegistryFailed,
    RepositoryClient,
    TooLarge,
    TooSlow,
    Unreachable,
    Untruthful,
)

IMAGE = image(version="1.0.0")
Ask = Callable[[RepositoryClient], object]


def tags(client: RepositoryClient) -> object:
    return client.tags()


def always(reply: Reply) -> Callable[[Asked], Reply]:
    """Answer so to everything but the look whether it speaks HTTP."""
    return lambda asked: Reply({}) if asked.path == "/v2/" else reply


def by_path(**replies: Reply) -> Callable[[Asked], Reply]:
    """Answer by the word that a path has in it."""
    return lambda asked: next(
        (reply for word, reply in replies.items() if f"/{word}/" in asked.path), Reply({})
    )


def test_a_list_without_end_is_cut_off(hostile: Hostile, open_: Open) -> None:
    def answer(asked: Asked) -> Reply:
        page = len(hostile.paths())
        return Reply(
            {"tags": ["1.0.0"]}, headers={"Link": f'</v2/acme/web/tags/list?page={page}>; rel="next"'}
        )

    hostile.answer = answer
    with pytest.raises(Untruthful, match="page 2 of its list has no new tag, and yet a next page"):
        open_(hostile.image()).tags()


def test_a_list_that_goes_round_in_a_circle_is_cut_off(hostile: Hostile, open_: Open) -> None:
    def answer(asked: Asked) -> Reply:
        number = len(hostile.paths())
        following = f'</v2/acme/web/tags/list?page={number % 3}>; rel="next"'
        return Reply({"tags": [f"1.{number}.0"]}, headers={"Link": following})

    hostile.answer = answer
    with pytest.raises(Untruthful, match="its list of tags goes round in a circle after 4 pages"):
        open_(hostile.image()).tags()


def test_the_next_page_elsewhere_is_not_asked_for(
    hostile: Hostile, other_hostile: Hostile, open_: Open
) -> None:
    link = {"Link": f'<{other_hostile.url}/v2/acme/web/tags/list>; rel="next"'}
    hostile.answer = always(Reply({"tags": ["1.0.0"]}, headers=link))
    with pytest.raises(Untruthful, match="the next page of its list would be at http://127"):
        open_(hostile.image()).tags()
    assert other_hostile.asked == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<html>", "what it answered is not JSON"),
        (b"[" * 100_000, "what it answered is not JSON"),
        ([], "no list of tags"),
        ({"tags": "1.0.0"}, "no list of tags"),
        ({"tags": ["1.0.0", 7]}, "'7' in its list cannot be a tag"),
        ({"tags": ["a\nb"]}, r"'a\\nb' in its list cannot be a tag"),
        ({"tags": ["x" * 129]}, "cannot be a tag"),
    ],
)
def test_what_is_no_list_of_tags_is_refused(
    hostile: Hostile, open_: Open, body: object, problem: str
) -> None:
    hostile.answer = always(Reply(body))
    with pytest.raises(Untruthful, match=problem):
        open_(hostile.image()).tags()


def test_a_repository_without_tags_is_no_error(hostile: Hostile, open_: Open) -> None:
    hostile.answer = always(Reply({"name": "acme/web", "tags": None}))
    assert open_(hostile.image()).tags() == []


def test_a_flood_is_cut_off(hostile: Hostile) -> None:
    small = Registries(Budget(MemoryShelf(), now=wall), allow_loopback=True, limits=Limits(page=1000))
    hostile.answer = always(Reply(b" " * 2000))
    with pytest.raises(TooLarge, match="it answers with more than 1000 bytes"):
        small.open(hostile.image(), timeout=5).tags()
    small.close()


def test_what_comes_drop_by_drop_is_cut_off(hostile: Hostile, open_: Open) -> None:
    hostile.answer = always(Reply({"tags": ["1.0.0"] * 100}, drip=0.05))
    started = time.monotonic()
    with pytest.raises(TooSlow, match=r"did not answer in time: raise spec\.timeout"):
        open_(hostile.image()).tags()
    assert time.monotonic() - started < 5


def test_all_pages_together_have_one_deadline(hostile: Hostile, open_: Open) -> None:
    def answer(asked: Asked) -> Reply:
        time.sleep(0.1)
        number = len(hostile.paths())
        link = f'</v2/acme/web/tags/list?page={number}>; rel="next"'
        return Reply({"tags": [f"1.{number}.0"]}, headers={"Link": link})

    hostile.answer = answer
    with pytest.raises(TooSlow):
        open_(hostile.image(), timeout=1.0).tags()
    assert len(hostile.paths()) <= 10


@pytest.mark.parametrize(
    "ask", [lambda client: client.manifest("1.0.0"), lambda client: client.manifest(IMAGE.digest)]
)
def test_another_content_than_its_digest_says_is_refused(hostile: Hostile, open_: Open, ask: Ask) -> None:
    headers = {"Docker-Content-Digest": IMAGE.digest}
    hostile.answer = always(Reply(IMAGE.manifest + b" ", headers=headers))
    with pytest.raises(Untruthful, match=rf"what it sent is not {IMAGE.digest[:19]}…, as it says"):
        ask(open_(hostile.image()))
    hostile.answer = always(Reply(IMAGE.manifest, headers=headers))
    ask(open_(hostile.image()))


def test_a_digest_that_is_none_is_refused(hostile: Hostile, open_: Open) -> None:
    hostile.answer = always(Reply(headers={"Docker-Content-Digest": "sha256:1"}))
    with pytest.raises(Untruthful, match="'sha256:1' is no digest"):
        open_(hostile.image()).digest("1.0.0")


def test_where_no_digest_is_said_it_is_computed(hostile: Hostile, open_: Open) -> None:
    hostile.answer = always(Reply(IMAGE.manifest))
    assert open_(hostile.image()).digest("1.0.0") == IMAGE.digest


def test_another_config_than_the_manifest_says_is_refused(hostile: Hostile, open_: Open) -> None:
    config = IMAGE.blobs[0]
    hostile.answer = by_path(manifests=Reply(IMAGE.manifest), blobs=Reply(config[:-1] + b" "))
    with pytest.raises(Untruthful, match=r"what it sent is not sha256:"):
        open_(hostile.image()).facts("1.0.0")
    hostile.answer = by_path(manifests=Reply(IMAGE.manifest), blobs=Reply(config))
    assert open_(hostile.image()).facts("1.0.0").digest == IMAGE.digest


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        ({}, "its manifest names no config"),
        ({"config": {"digest": "md5:1", "size": 2}}, "'md5:1' in its manifest is no digest"),
        ({"config": {"digest": IMAGE.digest, "size": "x"}}, "in its manifest is none"),
        ({"config": {"digest": IMAGE.digest, "size": 10**12}}, "its config would have 1000000000000 bytes"),
        ({"manifests": []}, "its index names no image"),
        ({"manifests": 7}, "its index names no image"),
        ([], "it is no manifest"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_refused(
    hostile: Hostile, open_: Open, manifest: object, problem: str
) -> None:
    hostile.answer = always(Reply(manifest))
    with pytest.raises(Untruthful, match=problem):
        open_(hostile.image()).facts("1.0.0")


def test_a_blob_elsewhere_is_fetched_without_the_login(
    hostile: Hostile, other_hostile: Hostile, open_: Open
) -> None:
    elsewhere = Reply(status=307, headers={"Location": f"{other_hostile.url}/blob?signed=1"})
    replies = by_path(manifests=Reply(IMAGE.manifest), blobs=elsewhere)
    unknown = Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    hostile.answer = lambda asked: replies(asked) if "authorization" in asked.headers else unknown
    other_hostile.answer = lambda asked: Reply(IMAGE.blobs[0])
    facts = open_(hostile.image(), login(hostile.host, "ada", "s3cret")).facts("1.0.0")
    assert facts.labels["org.opencontainers.image.version"] == "1.0.0"
    assert [asked.path for asked in other_hostile.asked] == ["/blob?signed=1"]
    assert "authorization" not in other_hostile.asked[0].headers


@pytest.mark.parametrize(
    ("location", "kind", "problem"),
    [
        ("{url}/v2/acme/web/tags/list?again", Untruthful, "sends whoever asks on for ever"),
        ("http://169.254.169.254/latest/meta-data", ForbiddenAddress, "link-local"),
        ("ftp://example.com/", Untruthful, "sends whoever asks on to no address"),
        ("http://[", Untruthful, "sends whoever asks on to no address"),
    ],
)
def test_redirects_lead_nowhere_they_should_not(
    hostile: Hostile, open_: Open, location: str, kind: type[RegistryError], problem: str
) -> None:
    hostile.answer = always(Reply(status=302, headers={"Location": location.format(url=hostile.url)}))
    with pytest.raises(kind, match=problem):
        open_(hostile.image()).tags()


@pytest.mark.parametrize(
    ("realm", "kind", "problem"),
    [
        ("http://169.254.169.254/token", ForbiddenAddress, "link-local"),
        ("file:///etc/passwd", Untruthful, "names no token server that can be asked"),
        ("http://user@example.com/", Untruthful, "names no token server that can be asked"),
    ],
)
def test_a_login_is_not_sent_just_anywhere(
    hostile: Hostile, open_: Open, realm: str, kind: type[RegistryError], problem: str
) -> None:
    hostile.answer = always(Reply(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'}))
    with pytest.raises(kind, match=problem):
        open_(hostile.image(), login(hostile.host, "ada", "s3cret")).tags()


@pytest.mark.parametrize("body", [{}, {"token": 7}, {"token": "a\r\nX-Evil: 1"}, {"token": "x" * 70_000}, []])
def test_a_token_that_cannot_be_sent_is_none(hostile: Hostile, open_: Open, body: object) -> None:
    challenge = Reply(status=401, headers={"WWW-Authenticate": f'Bearer realm="{hostile.url}/token/"'})
    hostile.answer = lambda asked: Reply(body) if "/token/" in asked.path else always(challenge)(asked)
    with pytest.raises(Untruthful, match="its answer has no token that can be used"):
        open_(hostile.image()).tags()


def test_a_registry_that_always_asks_for_a_login_is_left_alone(hostile: Hostile, open_: Open) -> None:
    for header in ('Basic realm="x"', "Negotiate", ""):
        hostile.asked.clear()
        hostile.answer = always(Reply(status=401, headers={"WWW-Authenticate": header} if header else {}))
        with pytest.raises(AccessDenied):
            open_(hostile.image(), login(hostile.host, "ada", "s3cret")).tags()
        assert len(hostile.paths()) <= 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, AccessDenied),
        (404, NotThere),
        (418, RegistryError),
        (500, RegistryFailed),
        (503, RegistryFailed),
    ],
)
def test_each_refusal_has_its_error_with_what_was_said(
    hostile: Hostile, open_: Open, status: int, kind: type[RegistryError]
) -> None:
    said = {"errors": [{"code": "NOPE", "message": "no\x1b[31m s3cret today"}]}
    hostile.answer = always(Reply(said, status=status))
    with pytest.raises(kind, match=rf"NOPE: no \[31m \*\*\* today \({status}\)"):
        open_(hostile.image(), login(hostile.host, "ada", "s3cret")).tags()


def test_a_refusal_says_when_to_come_again_and_is_kept_to(hostile: Hostile, open_: Open) -> None:
    hostile.answer = always(Reply(status=429, headers={"Retry-After": "120"}))
    with pytest.raises(Limited, match=r"too many requests, 429") as refused:
        open_(hostile.image()).tags()
    wanted = datetime.now(UTC) + timedelta(seconds=120)
    assert abs(refused.value.retry_at - wanted) < timedelta(seconds=20)
    asked = len(hostile.asked)
    with pytest.raises(
        Limited, match="the registry is not asked now, it refuses more requests until"
    ) as again:
        open_(hostile.image("acme/other")).tags()
    assert again.value.retry_at == refused.value.retry_at
    assert len(hostile.asked) == asked


def test_a_failure_that_names_a_time_is_kept_to(hostile: Hostile, open_: Open) -> None:
    hostile.answer = always(Reply(status=503, headers={"Retry-After": "60"}))
    with pytest.raises(RegistryFailed) as failed:
        open_(hostile.image()).tags()
    assert failed.value.retry_at is not None
    with pytest.raises(Limited):
        open_(hostile.image()).tags()


def test_what_an_etag_says_is_unchanged_is_not_sent_again(hostile: Hostile, open_: Open) -> None:
    def answer(asked: Asked) -> Reply:
        if asked.headers.get("if-none-match") == '"1"':
            return Reply(status=304)
        return Reply({"tags": ["1.0.0"]}, headers={"ETag": '"1"'})

    hostile.answer = answer
    assert open_(hostile.image()).tags() == open_(hostile.image()).tags() == ["1.0.0"]
    assert [asked.headers.get("if-none-match") for asked in hostile.asked[-2:]] == [None, '"1"']


def test_of_a_list_with_pages_no_page_is_taken_for_unchanged(hostile: Hostile, open_: Open) -> None:
    last = ["3.0.0"]

    def answer(asked: Asked) -> Reply:
        if "page=2" in asked.path:
            return Reply({"tags": list(last)})
        if asked.headers.get("if-none-match"):
            return Reply(status=304)
        headers = {"ETag": '"1"', "Link": '<?page=2>; rel="next"'}
        return Reply({"tags": ["1.0.0", "2.0.0"]}, headers=headers)

    hostile.answer = answer
    assert open_(hostile.image()).tags() == ["1.0.0", "2.0.0", "3.0.0"]
    last.append("4.0.0")
    assert open_(hostile.image()).tags() == ["1.0.0", "2.0.0", "3.0.0", "4.0.0"]


def test_loopback_and_metadata_are_not_called(hostile: Hostile) -> None:
    strict = Registries(Budget(MemoryShelf(), now=wall), allow_loopback=False)
    with pytest.raises(ForbiddenAddress, match="loopback"):
        strict.open(hostile.image(), timeout=5).tags()
    with pytest.raises(ForbiddenAddress, match="link-local"):
        strict.open(Image("169.254.169.254", "acme/web", may_be_plain=False), timeout=5).tags()
    assert hostile.asked == []
    strict.close()


@pytest.mark.parametrize(
    ("registry", "path", "problem"),
    [
        ("[:::::]", "acme/web", "is no host"),
        ("ghcr.io:99999", "acme/web", "is no host"),
        ("user@ghcr.io", "acme/web", "is no host"),
        ("ghcr.io/x", "acme/web", "is no host"),
        ("", "acme/web", "is no host"),
        ("ghcr.io", "../../token", "is no name of a repository"),
        ("ghcr.io", "acme//web", "is no name of a repository"),
    ],
)
def test_a_name_that_leads_elsewhere_is_not_asked(
    open_: Open, registry: str, path: str, problem: str
) -> None:
    with pytest.raises(RegistryError, match=f"image .* cannot be scanned: .* {problem}: correct spec.image"):
        open_(Image(registry, path))


def test_nobody_there_is_said(open_: Open) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 could not be reached \(.*refused.*\): check spec"):
        open_(Image("127.0.0.1:1", "acme/web")).tags()


def test_no_secret_is_in_an_error(hostile: Hostile, open_: Open) -> None:
    def answer(asked: Asked) -> Reply:
        if "authorization" not in asked.headers:
            return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})
        echoed = {"errors": [{"code": "DENIED", "message": json.dumps(dict(asked.headers))}]}
        return Reply(echoed, status=403)

    hostile.answer = answer
    with pytest.raises(AccessDenied) as refused:
        open_(hostile.image(), login(hostile.host, "ada", "s3cret")).tags()
    assert "s3cret" not in str(refused.value)
    assert "YWRhOnMzY3JldA" not in str(refused.value)
