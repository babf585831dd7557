# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64

import pytest
import urllib3

from sandbox.forge.views import status
from tests.sandbox.forge.conftest import MakeStage, Stage

HOSTILE = '<script>alert("x")</script>&\'<img src=x onerror=alert(1)>'


def page(stage: Stage, path: str, *, login: str | None = None) -> urllib3.BaseHTTPResponse:
    headers = {}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{login}:pw-{login}".encode()).decode()
    return urllib3.request("GET", stage.forge.url + path, headers=headers, retries=False)


@pytest.fixture
def public(make_stage: MakeStage) -> Stage:
    return make_stage(private=False)


def test_a_commits_page_shows_its_statuses(public: Stage) -> None:
    api = public.as_installation()
    for state, description in (
        ("pending", "Applied 1, waits"),
        ("failure", "Deployment apps/web: ImagePullBackOff"),
    ):
        body = {"state": state, "context": "fairway/demo", "description": description}
        api.post(f"{public.path}/statuses/{public.head}", body | {"target_url": "https://fairway.example/c"})
    shown = page(public, f"/{public.repo.full_name}/commit/{public.head}").data.decode()
    assert "Deployment apps/web: ImagePullBackOff" in shown
    assert 'aria-label="failure"' in shown
    assert 'href="https://fairway.example/c"' in shown
    assert "1 earlier" in shown
    assert 'http-equiv="refresh"' not in shown


def test_a_pending_commits_page_reloads_itself(public: Stage) -> None:
    public.as_installation().post(f"{public.path}/statuses/{public.head}", {"state": "pending"})
    assert 'http-equiv="refresh"' in page(public, f"/{public.repo.full_name}/commit/main").data.decode()


def test_everything_that_others_wrote_is_escaped(public: Stage) -> None:
    sha = public.forge.commit(public.repo, {"a'<b>.txt": f"{HOSTILE}\n"}, f"{HOSTILE}\n\n{HOSTILE}")
    status = {"state": "success", "context": HOSTILE, "description": HOSTILE}
    public.as_installation().post(f"{public.path}/statuses/{sha}", status)
    name = public.repo.full_name
    paths = ["/", f"/{name}", f"/{name}/commit/{sha}", f"/{name}/tree/main", f"/{name}/blob/main/a'<b>.txt"]
    for path in paths:
        answer = page(public, path)
        assert answer.status == 200
        assert b"<script" not in answer.data
        assert b"<img" not in answer.data
        assert "script-src" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_target_that_is_no_web_address_is_not_a_link(public: Stage) -> None:
    row = {"state": "success", "context": "c", "description": "", "target_url": "javascript:alert(1)"}

    class Nobody:
        def row(self, table: str, row_id: int) -> dict[str, str]:
            return {"login": "x"}

    row |= {"creator_id": "1", "created_at": "2026-01-01T00:00:00Z"}
    assert status(Nobody(), row)["link"] == ""  # type: ignore[arg-type]


def test_files_are_browsed_at_branches_with_slashes(public: Stage) -> None:
    public.forge.commit(
        public.repo, {"deep/er/b.txt": "line one\nline two\n", "c.bin": b"\0"}, "more", branch="feature/x"
    )
    name = public.repo.full_name
    assert "er/" in page(public, f"/{name}/tree/feature/x/deep").data.decode()
    assert "line two" in page(public, f"/{name}/blob/feature/x/deep/er/b.txt").data.decode()
    assert "binary" in page(public, f"/{name}/blob/feature/x/c.bin").data.decode()
    raw = page(public, f"/{name}/raw/feature/x/deep/er/b.txt")
    assert (raw.data, raw.headers["Content-Type"]) == (b"line one\nline two\n", "text/plain; charset=utf-8")
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert "b.txt" in page(public, f"/{name}/compare/main...feature/x").data.decode()


@pytest.mark.parametrize(
    "path", ["", "/commit/main", "/tree/main", "/blob/main/a.txt", "/raw/main/a.txt", "/compare/main...main"]
)
def test_a_private_repository_is_shown_only_after_login(stage: Stage, path: str) -> None:
    reader, stranger = f"rita-{stage.repo.id}", f"eve-{stage.repo.id}"
    for login in (reader, stranger):
        stage.forge.create_account(login, secret=f"pw-{login}")
    stage.forge.allow(stage.repo, reader, "read")
    where = f"/{stage.repo.full_name}{path}"
    refused = page(stage, where)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert page(stage, where, login=stranger).status == 404
    assert page(stage, where, login=reader).status == 200
    assert stage.repo.full_name not in page(stage, "/").data.decode()
    assert stage.repo.full_name in page(stage, "/", login=reader).data.decode()


def test_an_apps_page_shows_what_it_was_sent(make_stage: MakeStage) -> None:
    stage = make_stage(webhook="http://127.0.0.1:9/")
    shown = page(stage, f"/apps/{stage.app.slug}").data.decode()
    assert "installation.created" in shown
    assert stage.owner in shown


@pytest.mark.parametrize("path", ["/nope", "/nope/nope", "/apps/nope", "/settings/installations/1"])
def test_what_is_not_there_has_a_page(stage: Stage, path: str) -> None:
    answer = page(stage, path)
    assert (answer.status, b"Not here" in answer.data) == (404, True)


@pytest.mark.parametrize(
    "missing", ["commit/nope", "tree/nope", "tree/main/a.txt", "blob/main/nope", "blob/main", "compare/a...b"]
)
def test_what_is_not_in_a_repository_has_a_page(public: Stage, missing: str) -> None:
    assert page(public, f"/{public.repo.full_name}/{missing}").status == 404


def test_the_address_of_a_clone_leads_to_the_page(public: Stage) -> None:
    answer = urllib3.request("GET", public.repo.clone_url, redirect=False)
    assert (answer.status, answer.headers["Location"]) == (302, f"/{public.repo.full_name}")


@pytest.mark.parametrize(
    "headers",
    [{"Host": "forge.evil.example"}, {"Content-Type": "text/plain"}],
    ids=["another host's name", "what a form can send"],
)
def test_the_sandboxs_own_surface_is_out_of_a_browsers_reach(stage: Stage, headers: dict[str, str]) -> None:
    sent = {"Content-Type": "application/json"} | headers
    answer = urllib3.request(
        "POST", f"{stage.forge.url}/_sandbox/accounts", body=b'{"login": "x"}', headers=sent
    )
    assert answer.status == 422
