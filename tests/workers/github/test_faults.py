# SPDX-License-Identifier: Apache-2.0
"""What a forge cannot be asked for: GitHub failing, limiting, or not answering."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses
from requests import PreparedRequest

from policies.github.permissions import asked
from tests.workers.github.conftest import Clock
from workers.github import (
    AppJwt,
    CommitStatus,
    Forbidden,
    GitHub,
    GitHubError,
    Invalid,
    NotFound,
    PermissionMissing,
    RateLimited,
    ServerError,
    State,
    Unauthorized,
    Unreachable,
)
from workers.outside import AddressRefused

API = "https://api.github.com"
SHA = "5" * 40
WANTED = CommitStatus(State.SUCCESS, "fairway/demo", "healthy")
POST, READ = f"{API}/repos/acme/fleet/statuses/{SHA}", f"{API}/repos/acme/fleet/commits/{SHA}/statuses"


@pytest.fixture(scope="module")
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        account = {"login": "acme", "id": 1}
        found = {"id": 7, "account": account, "created_at": "2026-01-01T00:00:00Z", "permissions": asked()}
        mock.get(f"{API}/repos/acme/fleet/installation", json=found)
        expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        token = {"token": "ghs_x", "expires_at": expires}
        mock.post(f"{API}/app/installations/7/access_tokens", json=token, status=201)
        yield mock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def github(private_key: str, clock: Clock) -> Iterator[GitHub]:
    client = GitHub(AppJwt("1", private_key, now=clock), now=clock)
    yield client
    client.close()


def shows(http: responses.RequestsMock, *states: str) -> None:
    """Have GitHub list these statuses of ours, and say who we are where that has to be known."""
    who = {"login": "fairway[bot]", "type": "Bot"}
    said = {"context": "fairway/demo", "description": "healthy", "target_url": None, "creator": who}
    http.get(READ, json=[{"state": state, **said} for state in states])
    if states:
        http.get(f"{API}/app", json={"id": 1, "slug": "fairway"})


def posts(http: responses.RequestsMock) -> int:
    return sum(call.request.method == "POST" and call.request.url == POST for call in http.calls)


def test_a_502_after_the_status_was_created_is_a_success(
    http: responses.RequestsMock, github: GitHub
) -> None:
    shows(http)
    http.post(POST, json={"message": "Bad Gateway"}, status=502)
    shows(http, "success")
    assert github.statuses.ensure("acme/fleet", SHA, WANTED) is True
    assert posts(http) == 1


def test_a_502_before_the_status_was_created_is_for_the_caller_to_repeat(
    http: responses.RequestsMock, github: GitHub
) -> None:
    shows(http, "pending")
    http.post(POST, body="<html>bad gateway</html>", status=502)
    with pytest.raises(
        ServerError, match=r"set the commit status fairway/demo on acme/fleet@5555555.*502"
    ) as raised:
        github.statuses.ensure("acme/fleet", SHA, WANTED)
    assert raised.value.retryable
    # A create is never repeated inside: that is how duplicates come about.
    assert posts(http) == 1


def test_a_lost_answer_after_the_status_was_created_is_a_success(
    http: responses.RequestsMock, github: GitHub
) -> None:
    shows(http)
    http.post(POST, body=requests.exceptions.ReadTimeout())
    shows(http, "success")
    assert github.statuses.ensure("acme/fleet", SHA, WANTED) is True


def test_a_read_that_fails_for_a_moment_is_repeated(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(READ, status=502)
    http.get(READ, status=503, headers={"Retry-After": "3600"})
    shows(http, "success")
    assert github.statuses.ensure("acme/fleet", SHA, WANTED) is False


def test_no_answer_at_all_is_unreachable(http: responses.RequestsMock, github: GitHub) -> None:
    http.get(READ, body=requests.exceptions.ConnectionError("secret detail"))
    with pytest.raises(Unreachable, match="no connection") as raised:
        github.statuses.ensure("acme/fleet", SHA, WANTED)
    assert "secret detail" not in str(raised.value)
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        pytest.param(
            403, {"Retry-After": "30"}, "You have exceeded a secondary rate limit", 30, id="secondary"
        ),
        pytest.param(429, {"Retry-After": "30"}, "Too many requests", 30, id="429"),
        pytest.param(403, {}, "You have exceeded a secondary rate limit", 60, id="secondary without a time"),
        pytest.param(429, {}, "Too many requests", 60, id="429 without a time"),
    ],
)
def test_a_rate_limit_says_when_to_ask_again(
    http: responses.RequestsMock,
    github: GitHub,
    clock: Clock,
    status: int,
    headers: dict[str, str],
    message: str,
    wait: int,
) -> None:
    shows(http)
    http.post(POST, json={"message": message}, status=status, headers=headers)
    before = clock()
    with pytest.raises(RateLimited) as raised:
        github.statuses.ensure("acme/fleet", SHA, WANTED)
    assert timedelta(seconds=wait) <= raised.value.retry_at - before < timedelta(seconds=wait + 5)
    assert raised.value.retryable


def test_a_spent_budget_is_waited_for_until_it_resets(http: responses.RequestsMock, github: GitHub) -> None:
    reset = int(datetime.now(UTC).timestamp()) + 900
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    http.get(
        READ, json={"message": "API rate limit exceeded for installation ID 7."}, status=403, headers=headers
    )
    with pytest.raises(RateLimited) as raised:
        github.statuses.ensure("acme/fleet", SHA, WANTED)
    assert raised.value.retry_at == datetime.fromtimestamp(reset + 1, UTC)


def test_nothing_is_asked_while_limited_and_again_afterwards(
    http: responses.RequestsMock, github: GitHub, clock: Clock
) -> None:
    limited = http.get(READ, json={"message": "slow down"}, status=429, headers={"Retry-After": "30"})
    for _ in range(3):
        with pytest.raises(RateLimited):
            github.statuses.ensure("acme/fleet", SHA, WANTED)
    assert limited.call_count == 1
    http.remove(limited)
    shows(http, "success")
    clock.ahead = timedelta(seconds=31)
    assert github.statuses.ensure("acme/fleet", SHA, WANTED) is False


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "said"),
    [
        pytest.param(401, {}, {"message": "Bad credentials"}, Unauthorized, "Bad credentials", id="401"),
        pytest.param(
            403, {"X-Accepted-GitHub-Permissions": "statuses=write; contents=write"},
            {"message": "Resource not accessible by integration"},
            PermissionMissing, "statuses: write", id="permission",
        ),
        pytest.param(403, {}, {"message": "access blocked"}, Forbidden, "access blocked", id="403"),
        pytest.param(404, {}, {"message": "Not Found"}, NotFound, "Not Found", id="404"),
        pytest.param(
            422, {},
            {"message": "Validation Failed", "errors": [{"message": "reached the maximum number"}]},
            Invalid, "Validation Failed: reached the maximum", id="422 with errors",
        ),
        pytest.param(422, {}, {"message": "No commit found"}, Invalid, "No commit found", id="422"),
        pytest.param(500, {}, {"message": "Server Error"}, ServerError, "Server Error", id="500"),
        pytest.param(418, {}, {"message": "teapot"}, GitHubError, "teapot (418)", id="anything else"),
    ],
)  # fmt: skip
def test_a_refusal_is_typed_and_says_what_and_why(
    http: responses.RequestsMock, github: GitHub, status: int, headers: dict[str, str], body: Any,
    error: type[GitHubError], said: str,
) -> None:  # fmt: skip
    shows(http)
    http.post(POST, body=json.dumps(body), status=status, headers=headers)
    with pytest.raises(error, match=re.escape(said)) as raised:
        github.statuses.ensure("acme/fleet", SHA, WANTED)
    assert "set the commit status fairway/demo on acme/fleet@5555555" in raised.value.message
    assert "ghs_x" not in str(raised.value)


def test_an_answer_that_is_not_json_is_an_error_of_githubs(
    http: responses.RequestsMock, github: GitHub
) -> None:
    http.get(READ, body='[{"state": ', content_type="application/json")
    with pytest.raises(GitHubError, match="not JSON"):
        github.statuses.ensure("acme/fleet", SHA, WANTED)


def test_the_status_is_sent_as_github_wants_it(http: responses.RequestsMock, github: GitHub) -> None:
    shows(http)

    def check(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert request.headers["Authorization"] == "token ghs_x"
        assert json.loads(request.body or "") == {
            "state": "success",
            "context": "fairway/demo",
            "description": "healthy",
        }
        return 201, {}, "{}"

    http.add_callback(responses.POST, POST, callback=check)
    assert github.statuses.ensure("acme/fleet", SHA, WANTED) is True


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "169.254.169.254", "[::1]"])
def test_an_api_on_an_address_out_of_bounds_is_refused(private_key: str, host: str) -> None:
    github = GitHub(AppJwt("1", private_key), api_url=f"http://{host}:9/api/v3")
    with pytest.raises(AddressRefused, match="is not called"):
        github.installation_for("acme", "fleet")


def test_warming_up_loads_everything_and_asks_nothing(github: GitHub) -> None:
    with responses.RequestsMock():
        github.warm()
    assert "github.Requester" in sys.modules


def test_a_process_that_never_talks_to_github_does_not_load_pygithub() -> None:
    code = "import sys, workers.github; assert not {'github', 'requests', 'jwt'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
