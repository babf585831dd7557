# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import hmac

import pytest

from policies.github.signature import verify, well_formed

# From GitHub's page on validating deliveries.
SECRET, BODY = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_githubs_own_example_is_accepted() -> None:
    assert verify(SECRET, BODY, SIGNATURE)


def test_a_secret_of_any_language_signs() -> None:
    secret = "schlüssel-鍵"
    signed = "sha256=" + hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()
    assert verify(secret, BODY, signed)


SHA1 = hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="missing"),
        pytest.param(f"sha1={SHA1}", id="sha1 in the place of sha256"),
        pytest.param(f"sha256={SHA1}", id="sha1 under the name of sha256"),
        pytest.param(SIGNATURE[:-1], id="one digit short"),
        pytest.param(SIGNATURE + "0", id="one digit long"),
        pytest.param(SIGNATURE.upper(), id="capitals"),
        pytest.param(SIGNATURE.removeprefix("sha256="), id="no algorithm"),
        pytest.param(f"{SIGNATURE}, {SIGNATURE}", id="twice"),
        pytest.param(SIGNATURE + "\n", id="line end"),
        pytest.param("sha256=" + "ü" * 64, id="not ascii"),
        pytest.param("sha256=" + "٣" * 64, id="digits of another script"),
        pytest.param("sha256=" + "0" * 64, id="zeros"),
        pytest.param("sha256=" + "0" * 1_000_000, id="a megabyte"),
    ],
)
def test_nothing_else_is(header: str) -> None:
    assert not verify(SECRET, BODY, header)


def test_one_changed_bit_of_the_body_counts() -> None:
    assert not verify(SECRET, b"Hello, World?", SIGNATURE)


def test_an_empty_secret_signs_nothing() -> None:
    signed = "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not verify("", BODY, signed)


def test_the_shape_is_known_without_the_body() -> None:
    assert well_formed(SIGNATURE)
    assert not well_formed(f"sha1={SHA1}")
