# SPDX-License-Identifier: Apache-2.0
"""The pages of pull requests: what they show, what one can do on them, and that no text acts by itself."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest
import urllib3

from sandbox.forge.markdown import render
from tests.sandbox.forge.conftest import CONVERSING, MakeStage, Stage, as_team
from tests.sandbox.forge.test_pages import HOSTILE
from tests.sandbox.forge.test_pulls import proposed
from toolchain.system import ensure


@pytest.fixture
def public(make_stage: MakeStage) -> Stage:
    """A public repository with pull request 1."""
    stage = as_team(make_stage(private=False, permissions=CONVERSING | {"checks": "write"}))
    proposed(stage, body="Because of **it**.")
    return stage


def get(stage: Stage, path: str = "/pull/1", **headers: str) -> str:
    answer = urllib3.request("GET", f"{stage.repo.html_url}{path}", headers=headers)
    assert answer.status == 200
    return answer.data.decode()


def shown(stage: Stage, path: str = "/pull/1") -> str:
    """Return the text of what the page shows, without its form and script."""
    live = get(stage, path).partition('<div id="live">')[2].partition("<form")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", live).split())


def send(stage: Stage, path: str = "/pull/1", **fields: str) -> urllib3.BaseHTTPResponse:
    (token,) = re.findall(r'name="token" value="([^"]+)"', get(stage, path))
    body = urlencode({"token": token, "login": "bob", "verb": "comment"} | fields)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return urllib3.request(
        "POST", f"{stage.repo.html_url}{path}", body=body.encode(), headers=headers, redirect=False
    )


def test_the_page_tells_the_conversation_in_order(public: Stage) -> None:
    api = public.as_installation()
    comment = public.forge.comment(public.repo, 1, "/help", author="bob")
    api.post(f"{public.path}/issues/comments/{comment['id']}/reactions", {"content": "rocket"})
    api.post(f"{public.path}/issues/1/comments", {"body": "| a |\n|---|\n| told |"})
    public.forge.review(public.repo, 1, "APPROVE", body="Good")
    public.forge.edit_pull_request(public.repo, 1, title="Better")
    head = public.forge.commit(public.repo, {"late.txt": "x\n"}, "Late", branch="feature")
    public.forge.label(public.repo, 1, "care")
    api.post(f"{public.path}/statuses/{head}", {"state": "pending", "context": "fairway/demo"})
    run = {"name": "Report", "head_sha": head, "status": "completed", "conclusion": "failure"}
    note = {"path": "a.txt", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "bad"}
    output = {"title": "1 at fault", "summary": "all of **it**", "annotations": [note]}
    api.post(f"{public.path}/check-runs", run | {"output": output})
    public.forge.close(public.repo, 1)
    public.forge.reopen(public.repo, 1)
    public.forge.merge(public.repo, 1, author="bob")
    text = shown(public)
    told = [
        "Better #1", "Merged", "care", "bob merged 2 commits into main from feature", "Because of it .",
        "alice brought 1 commit", "Add feature", "bob commented", "/help", "🚀", f"{public.app.slug}[bot]",
        "bot", "told", "approved these changes", "Good", "renamed it from “Add feature”",
        "alice pushed 1 commit", "Late", "put on the label care", "alice closed this", "alice reopened this",
        "bob merged", "into main", "Report", "1 at fault", "all of it", "a.txt:1", "bad", "fairway/demo",
    ]  # fmt: skip
    at = -1
    for part in told:
        at = text.find(part, at + 1)
        assert at >= 0, f"{part!r} is not where it belongs in: {text}"


def test_the_list_shows_open_ones_or_all(public: Stage) -> None:
    proposed(public, "other")
    public.forge.close(public.repo, 1)
    page = get(public, "/pulls")
    assert ("Add other" in page, "Add feature" in page) == (True, False)
    assert "Add feature" in get(public, "/pulls?state=all")
    assert "1 open pull request<" in get(public, "")


def test_somebody_comments_with_the_form(public: Stage) -> None:
    answer = send(public, body="/help\r\n\r\nplease")
    assert (answer.status, answer.headers["Location"]) == (303, f"/{public.repo.full_name}/pull/1?as=bob#say")
    (comment,) = public.forge.comments(public.repo, 1)
    assert (comment["body"], comment["user"]["login"]) == ("/help\n\nplease", "bob")
    assert "<option selected>bob</option>" in get(public, "/pull/1?as=bob")


def test_somebody_approves_merges_and_closes_with_the_form(public: Stage) -> None:
    proposed(public, "other")
    assert send(public, verb="approve").status == 303
    assert send(public, verb="merge", method="squash").status == 303
    merged = public.forge.pull_request(public.repo, 1)
    assert (merged["merged"], merged["merged_by"]["login"]) == (True, "bob")
    assert send(public, "/pull/2", verb="close", body="Not now").status == 303
    assert public.forge.pull_request(public.repo, 2)["state"] == "closed"
    assert [comment["body"] for comment in public.forge.comments(public.repo, 2)] == ["Not now"]
    assert send(public, "/pull/2", verb="reopen").status == 303
    assert public.forge.pull_request(public.repo, 2)["state"] == "open"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        pytest.param({"body": " "}, "A comment needs a text.", id="nothing to say"),
        pytest.param({"login": "nobody-at-all", "body": "x"}, "Choose who you are.", id="nobody"),
        pytest.param({"login": "alice", "verb": "approve"}, "approve your own pull request", id="one's own"),
        pytest.param({"login": "rita", "verb": "merge"}, "Must have write access", id="no right to merge"),
        pytest.param({"login": "rita", "verb": "close"}, "Must have triage access", id="no right to close"),
    ],
)
def test_what_somebody_may_not_do_is_said_on_the_page(
    public: Stage, fields: dict[str, str], why: str
) -> None:
    public.forge.create_account("rita")
    answer = send(public, **fields)
    page = answer.data.decode()
    assert answer.status == 422
    assert why in page.partition('role="alert"')[2]
    shown_now = public.forge.pull_request(public.repo, 1)
    assert (shown_now["state"], shown_now["comments"]) == ("open", 0)


def test_what_was_written_is_kept_when_it_is_refused(public: Stage) -> None:
    page = send(public, login="alice", verb="approve", body="<b>mine").data.decode()
    assert ">&lt;b&gt;mine</textarea>" in page


def test_a_form_that_is_not_of_this_forge_does_nothing(public: Stage) -> None:
    for token in ("", "guessed"):
        assert send(public, token=token, body="x").status == 403
    assert public.forge.comments(public.repo, 1) == []


def test_an_issue_has_a_page_too(public: Stage) -> None:
    public.forge.open_issue(public.repo, "Broken", body="It *is*.")
    assert "Broken #2 Open" in shown(public, "/issues/2")
    assert send(public, "/issues/2", body="Indeed").status == 303
    assert "Indeed" in shown(public, "/issues/2")


@pytest.mark.parametrize("path", ["/pulls", "/pull/1"])
def test_private_ones_are_shown_after_a_login(team: Stage, path: str) -> None:
    proposed(team)
    team.forge.create_account("alice", secret="pw-alice")
    url = team.repo.html_url + path
    assert urllib3.request("GET", url).status == 401
    login = "Basic " + base64.b64encode(b"alice:pw-alice").decode()
    assert urllib3.request("GET", url, headers={"Authorization": login}).status == 200


@pytest.mark.parametrize("path", ["/pull/7", "/issues/7", "/pull/x"])
def test_what_is_not_there_has_a_page(public: Stage, path: str) -> None:
    assert urllib3.request("GET", public.repo.html_url + path).status == 404


def test_no_text_acts_by_itself(public: Stage) -> None:
    public.forge.edit_pull_request(public.repo, 1, title=HOSTILE, body=HOSTILE)
    public.forge.comment(public.repo, 1, f"{HOSTILE}\n\n```diff\n+{HOSTILE}\n```\n[x](javascript:alert(1))")
    public.forge.review(public.repo, 1, "COMMENT", body=f"<details><summary>{HOSTILE}</summary></details>")
    public.forge.label(public.repo, 1, "<script>label")
    page = get(public)
    assert len(re.findall("<script", page)) == 1
    assert re.search(r'<script nonce="[\w-]+">', page)
    assert "javascript:" not in page
    assert "onerror=alert" not in re.sub(r"&lt;.*?&gt;", "", page)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~~a~~ <sub>b</sub>", "<p><del>a</del> <sub>b</sub></p>"),
        ("a\nb", "<p>a<br>\nb</p>"),
        ("<!-- marker -->x", "x"),
        ("<!-- marker -->\nx", "x"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("<p onclick=x style=y class=z>a</p>", "<p>a</p>"),
        ("![a](https://x.example/y.png)", "<p></p>"),
        ("<input type=text value=x>", "<input"),
        ("<a href='data:x'>a</a>", "a</a>"),
        ("https://x.example", 'href="https://x.example" rel="noopener noreferrer nofollow"'),
        ("| a |\n|--:|\n| b |", '<td align="right">b</td>'),
        (
            "```diff\n-a\n+b <x>\n```",
            '<span class="removed">-a</span><span class="added">+b &lt;x&gt;</span>',
        ),
    ],
)
def test_markdown_is_shown_as_on_github_and_no_more(text: str, expected: str) -> None:
    assert expected in render(text)
    assert not re.search(r"<(script|img|style)|on\w+=|value=|data:", render(text))


@pytest.fixture(scope="module")
def chromium() -> Path:
    return ensure("chromium", "chromium")


def test_the_page_finds_news_by_itself(public: Stage, chromium: Path, tmp_path: Path) -> None:
    # Who looks first is told that it is being looked into; only a second look can know more.
    assert "being looked into" in get(public)
    public.forge.commit(public.repo, {"late.txt": "x\n"}, "Late", branch="feature")
    ended = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
            "--virtual-time-budget=4000", "--dump-dom", f"{public.repo.html_url}/pull/1",
        ],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    live = ended.stdout.partition("<form")[0]
    assert "It can be merged." in live
    assert "being looked into" not in live
