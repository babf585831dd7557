# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.registry.challenges import Challenge, chosen, token

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            [HUB],
            Challenge(
                "bearer", "https://auth.docker.io/token", "registry.docker.io", "repository:a/b:pull,push"
            ),
        ),
        (['Basic realm="here"'], Challenge("basic", "here")),
        (["Basic"], Challenge("basic")),
        (["basic realm=here, charset=UTF-8"], Challenge("basic", "here")),
        (["BEARER REALM=https://r/token"], Challenge("bearer", "https://r/token")),
        (['Negotiate, Basic realm="x"'], Challenge("basic", "x")),
        (["Negotiate", 'Bearer realm="https://r/t"'], Challenge("bearer", "https://r/t")),
        (['Digest nonce="a,b", qop="auth", Basic realm="x"'], Challenge("basic", "x")),
        ([r'Bearer realm="https://r/\"t\"",service=s'], Challenge("bearer", 'https://r/"t"', "s")),
        (['Bearer realm="https://r/t" , service = "s"'], Challenge("bearer", "https://r/t", "s")),
        (['Bearer realm="a",realm="b"'], Challenge("bearer", "a")),
        (['Bearer service="s"'], None),  # it does not say where
        (["Bearer"], None),
        (["Negotiate"], None),
        ([], None),
        ([""], None),
        (['="'], None),
    ],
)
def test_the_first_challenge_that_can_be_met_is_chosen(headers: list[str], found: Challenge | None) -> None:
    assert chosen(headers) == found


@given(st.lists(st.text(alphabet='Bearsic lm="\\,/:;=', max_size=60), max_size=3))
def test_no_header_is_an_error(headers: list[str]) -> None:
    chosen(headers)


@pytest.mark.parametrize(
    ("answer", "text", "seconds"),
    [
        ({"token": "t", "expires_in": 300}, "t", 240),
        ({"access_token": "a"}, "a", 48),
        ({"access_token": "a", "token": "t"}, "a", 48),
        ({"token": "t", "expires_in": "300"}, "t", 48),
        ({"token": "t", "expires_in": True}, "t", 48),
        ({"token": "t", "expires_in": -1}, "t", 48),
        ({"token": "t", "expires_in": 10**9}, "t", 3600),
        ({"token": "t", "expires_in": 10}, "t", 8),
    ],
)
def test_a_token_is_used_for_most_of_its_life(answer: Any, text: str, seconds: float) -> None:
    found = token(answer)
    assert found is not None
    assert (found.text, found.seconds) == (text, pytest.approx(seconds))


@pytest.mark.parametrize(
    "answer", [None, [], {}, {"token": ""}, {"token": 7}, {"token": "a b"}, {"token": "ä"}]
)
def test_what_cannot_be_sent_is_no_token(answer: Any) -> None:
    assert token(answer) is None
