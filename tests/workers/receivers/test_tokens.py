# SPDX-License-Identifier: Apache-2.0
"""Receivers whose senders show a token of an issuer, on an issuer of this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.workers.receivers.conftest import Hooks
from workers.context import Context
from workers.receivers.tokens import Tokens

AUDIENCE = "notification-controller"


@dataclass
class Issuer:
    """An issuer that signs by RSA; what it says of itself can be changed."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    key_id: str = "one"
    answers: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())

    def keys(self) -> dict[str, Any]:
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        curve = ECAlgorithm.to_jwk(self.curve.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.key_id, "use": "sig"}, {**curve, "kid": "curve"}]}

    def answer(self, path: str) -> bytes:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/keys":
            return json.dumps(self.keys()).encode()
        about = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }
        return json.dumps({**about, **self.about}).encode()

    def token(self, *, key: Any = None, algorithm: str = "RS256", kid: str = "", **claims: Any) -> str:
        said = {"iss": self.url, "aud": AUDIENCE, "exp": time.time() + 60, "owner": "acme", **claims}
        said = {name: value for name, value in said.items() if value is not None}
        signing = None if algorithm == "none" else key or self.key
        return jwt.encode(said, signing, algorithm, headers={"kid": kid or self.key_id})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = made.answer(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def provider(issuer: Issuer, **more: Any) -> dict[str, Any]:
    return {
        "issuerURL": issuer.url,
        "variables": [
            {"name": "owner", "expression": "claims.owner"},
            {"name": "known", "expression": "['acme', 'beta'].filter(x, x == vars.owner)"},
        ],
        "validations": [{"expression": "size(vars.known) == 1", "message": "not acme's or beta's"}],
        **more,
    }


def oidc(hooks: Hooks, *providers: dict[str, Any], **more: Any) -> str:
    hooks.image()
    return hooks.ready(type="generic-oidc", secretRef=None, oidcProviders=list(providers), **more)


def test_a_token_of_the_issuer_lets_in_and_filters_see_its_claims(hooks: Hooks, issuer: Issuer) -> None:
    path = oidc(hooks, provider(issuer), resourceFilter="claims.owner == req.owner && claims.n == 3")
    good = f"Bearer {issuer.token(n=3)}"
    assert hooks.send(path, {"owner": "acme"}, Authorization=good) == 200
    first = hooks.requested(hooks.image())
    assert first
    assert hooks.send(path, {"owner": "beta"}, Authorization=good) == 200
    assert hooks.requested(hooks.image()) == first
    # Its keys are remembered.
    assert len(issuer.asked) == 2


Make = Callable[[Issuer], str]
WRONG: list[tuple[str, Make]] = [
    ("nothing", lambda i: ""),
    ("no bearer", lambda i: f"Basic {i.token()}"),
    ("no token", lambda i: "Bearer "),
    ("no JWT", lambda i: "Bearer a.b.c"),
    ("another key", lambda i: f"Bearer {i.token(key=i.other)}"),
    ("an unknown key", lambda i: f"Bearer {i.token(kid='two')}"),
    ("another issuer", lambda i: f"Bearer {i.token(iss='https://issuer.example.com')}"),
    ("no issuer", lambda i: f"Bearer {i.token(iss=None)}"),
    ("another audience", lambda i: f"Bearer {i.token(aud='fairway')}"),
    ("no audience", lambda i: f"Bearer {i.token(aud=None)}"),
    ("over", lambda i: f"Bearer {i.token(exp=time.time() - 1)}"),
    ("never over", lambda i: f"Bearer {i.token(exp=None)}"),
    ("not yet", lambda i: f"Bearer {i.token(nbf=time.time() + 400)}"),
    ("not one of acme's", lambda i: f"Bearer {i.token(owner='mallory')}"),
    ("no owner", lambda i: f"Bearer {i.token(owner=None)}"),
    ("unsigned", lambda i: f"Bearer {i.token(algorithm='none')}"),
    ("signed by what everybody knows", lambda i: f"Bearer {i.token(key='x' * 32, algorithm='HS256')}"),
    ("by another algorithm", lambda i: f"Bearer {i.token(key=i.curve, algorithm='ES256', kid='curve')}"),
]  # fmt: skip


@pytest.mark.parametrize("make", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_whose_token_does_not_hold_is_refused(hooks: Hooks, issuer: Issuer, make: Make) -> None:
    path = oidc(hooks, provider(issuer))
    assert hooks.send(path, {}, Authorization=make(issuer)) == 400
    assert hooks.requested(hooks.image()) == ""
    assert hooks.send(path, {}, Authorization=f"Bearer {issuer.token()}") == 200


def test_an_audience_and_a_little_early_are_as_in_flux(hooks: Hooks, issuer: Issuer) -> None:
    path = oidc(hooks, provider(issuer, audience="fairway"))
    early = issuer.token(aud=["x", "fairway"], nbf=time.time() + 200)
    assert hooks.send(path, {}, Authorization=f"Bearer {early}") == 200


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("/.well-known/openid-configuration", b"no JSON"),
        ("/.well-known/openid-configuration", b"[]"),
        ("/.well-known/openid-configuration", b'{"issuer": "https://issuer.example.com"}'),
        ("/.well-known/openid-configuration", b" " * (1 << 20) + b"{}"),
        ("/keys", b'{"keys": []}'),
        ("/keys", b'{"keys": "x"}'),
        ("/keys", b'{"keys": [{"kty": "oct", "k": "eA", "kid": "one"}]}'),
    ],
    ids=["no JSON", "a list", "another issuer", "endless", "no keys", "no list", "a key for all"],
)
def test_an_issuer_that_lies_lets_nobody_in(hooks: Hooks, issuer: Issuer, where: str, answer: bytes) -> None:
    path = oidc(hooks, provider(issuer))
    issuer.answers[where] = answer
    assert hooks.send(path, {}, Authorization=f"Bearer {issuer.token()}") == 400


def test_an_issuer_that_sends_us_to_the_metadata_of_a_cloud_is_not_followed(
    hooks: Hooks, issuer: Issuer
) -> None:
    path = oidc(hooks, provider(issuer))
    issuer.about["jwks_uri"] = "http://169.254.169.254/latest"
    assert hooks.send(path, {}, Authorization=f"Bearer {issuer.token()}") == 400


def google(issuer: Issuer, context: Context) -> None:
    """Have the keys of Google asked of this issuer."""
    context.__dict__["tokens"] = Tokens(
        lambda: context.asking, allow_loopback=True, google_keys=f"{issuer.url}/keys"
    )


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({}, 200),
        ({"iss": "accounts.google.com"}, 200),
        ({"iss": "https://issuer.example.com"}, 400),
        ({"email": "mallory@example.com"}, 400),
        ({"email_verified": False}, 400),
        ({"email_verified": "true"}, 400),
        ({"aud": "another"}, 400),
        ({"exp": 1}, 400),
    ],
    ids=str,
)
def test_artifact_registrys_messages_carry_googles_token(
    hooks: Hooks, issuer: Issuer, claims: dict[str, Any], code: int
) -> None:
    google(issuer, hooks.context)
    hooks.secret("gcr", token="x", email="push@acme.example.com", audience="https://fairway.example.com")
    hooks.image()
    path = hooks.ready(type="gcr", secretRef={"name": "gcr"}, resourceFilter="req.tag == 'web:1'")
    said = {
        "iss": "https://accounts.google.com",
        "aud": "https://fairway.example.com",
        "email": "push@acme.example.com",
        "email_verified": True,
        **claims,
    }
    message = {"message": {"data": "eyJ0YWciOiAid2ViOjEifQ=="}}  # {"tag": "web:1"}
    assert hooks.send(path, message, Authorization=f"Bearer {issuer.token(**said)}") == code
    assert bool(hooks.requested(hooks.image())) == (code == 200)


def test_a_gcr_receiver_without_account_and_audience_lets_nobody_in(hooks: Hooks, issuer: Issuer) -> None:
    google(issuer, hooks.context)
    path = hooks.ready(type="gcr")
    assert hooks.send(path, {}, Authorization=f"Bearer {issuer.token()}") == 400
