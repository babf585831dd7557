# SPDX-License-Identifier: Apache-2.0
"""The entries of a decryption Secret, and what each key service is asked."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fixtures.sops import Vault
from workers.decryption import Keys, Sops
from workers.engine import EngineError
from workers.engine.client import Ciphertext
from workers.engine.errors import DecryptionFailed, KeyUnusable

HIDDEN = "correct-horse-battery"
TOKEN = "token-of-the-team"
SLOW = "token-of-another-team"
asked_slowly, answered = threading.Event(), threading.Event()
ARN = "arn:aws:kms:eu-west-1:111122223333:key/abc"
RESOURCE = "projects/p/locations/global/keyRings/r/cryptoKeys/k"


def ciphertext(text: str, format: str = "yaml", output: str = "") -> Ciphertext:
    return Ciphertext("", base64.b64encode(text.encode()).decode(), format, output or format, "")


def keys(entries: dict[str, str]) -> Keys:
    encoded = {name: base64.b64encode(value.encode()).decode() for name, value in entries.items()}
    return Keys(encoded, "sops decryption Secret 'apps/keys'")


class Transit(BaseHTTPRequestHandler):
    """Vault's transit engine, as far as one call of it goes: its ciphertext is the data key."""

    def do_PUT(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Vault-Token"] == SLOW:
            asked_slowly.set()
            answered.wait(20)
        allowed = self.headers["X-Vault-Token"] == TOKEN and self.path == "/v1/transit/decrypt/key"
        answer = (
            {"data": {"plaintext": asked["ciphertext"]}} if allowed else {"errors": ["permission denied"]}
        )
        body = json.dumps(answer).encode()
        self.send_response(200 if allowed else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def transit() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Transit)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_token_opens_a_vault(sops: Sops, vault: Vault, transit: str) -> None:
    encrypted = ciphertext(vault.encrypt(f"word: {HIDDEN}\n", vault=transit))
    plain = sops.decrypt(encrypted, keys({"sops.vault-token": f"{TOKEN}\n"}), timeout=10)
    assert base64.b64decode(plain).decode() == f"word: {HIDDEN}\n"
    with pytest.raises(DecryptionFailed, match="permission denied") as caught:
        sops.decrypt(encrypted, keys({"sops.vault-token": "another-token"}), timeout=10)
    assert "another-token" not in str(caught.value)


def test_a_vault_of_a_private_authority_is_trusted_as_the_machine_says(
    vault: Vault, certificate: tuple[Path, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    (tmp_path / "ca.pem").write_bytes(certificate[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Transit)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    encrypted = ciphertext(vault.encrypt("a: b\n", vault=f"https://127.0.0.1:{server.server_port}"))
    distrusting = Sops(allow_loopback=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    trusting = Sops(allow_loopback=True)
    try:
        plain = trusting.decrypt(encrypted, keys({"sops.vault-token": TOKEN}), timeout=20)
        assert base64.b64decode(plain) == b"a: b\n"
        with pytest.raises(DecryptionFailed, match="certificate"):
            distrusting.decrypt(encrypted, keys({"sops.vault-token": TOKEN}), timeout=20)
    finally:
        trusting.close()
        distrusting.close()
        server.shutdown()
        server.server_close()


def test_nobody_waits_for_the_vault_of_another(sops: Sops, vault: Vault, transit: str) -> None:
    slow = ciphertext(vault.encrypt("a: b\n", vault=transit))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sops.decrypt, slow, keys({"sops.vault-token": SLOW}), timeout=20)
        try:
            assert asked_slowly.wait(20)
            plain = sops.decrypt(
                ciphertext(vault.encrypt("c: d\n")), keys({"k.agekey": vault.age}), timeout=10
            )
            assert base64.b64decode(plain) == b"c: d\n"
            assert not waiting.done()
        finally:
            answered.set()
        with pytest.raises(DecryptionFailed, match="permission denied"):
            waiting.result()


def test_a_document_does_not_lead_a_token_to_this_machine(vault: Vault, transit: str) -> None:
    outside = Sops()
    encrypted = ciphertext(vault.encrypt(f"word: {HIDDEN}\n", vault=transit))
    try:
        with pytest.raises(DecryptionFailed, match=r"\(loopback\)|\(loop"):
            outside.decrypt(encrypted, keys({"sops.vault-token": TOKEN}), timeout=20)
    finally:
        outside.close()


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("k.agekey", "AGE-SECRET-KEY-NONSENSE", "failed to parse and add to age identities"),
        ("k.asc", "no key", "failed to import armored key data"),
        ("sops.aws-kms", "[", "failed to unmarshal AWS credentials file"),
        ("sops.azure-kv", "[", "failed to unmarshal Azure authentication file"),
        ("sops.azure-kv", "tenantId: a", "invalid data: requires a 'clientId' field, a combination of "),
        ("sops.azure-kv", "clientId: a", "managed identity"),
        ("sops.gcp-kms", "{", "unexpected end of JSON input"),
        ("sops.gcp-kms", '{"type": "external_account"}', 'credentials of type "external_account"'),
    ],
)
def test_an_entry_that_is_no_key_is_named(
    sops: Sops, vault: Vault, entry: str, value: str, said: str
) -> None:
    with pytest.raises(KeyUnusable) as caught:
        sops.decrypt(ciphertext(vault.encrypt("a: b\n")), keys({entry: value}), timeout=10)
    prefix = f"failed to import '{entry}' data from sops decryption Secret 'apps/keys': "
    assert str(caught.value).startswith(prefix)
    assert said in str(caught.value)
    assert caught.value.reason == "BuildFailed"


@pytest.mark.parametrize(
    ("to", "entry"),
    [
        ({"vault": "https://vault.example.com"}, "sops.vault-token"),
        ({"aws": ARN}, "sops.aws-kms"),
        ({"azure": "https://x.vault.azure.net"}, "sops.azure-kv"),
        ({"gcp": RESOURCE}, "sops.gcp-kms"),
    ],
)
def test_without_its_entry_a_key_service_is_not_asked(
    sops: Sops, vault: Vault, to: dict[str, str], entry: str
) -> None:
    with pytest.raises(DecryptionFailed, match=f"has no entry '{entry}'"):
        sops.decrypt(ciphertext(vault.encrypt("a: b\n", **to)), keys({}), timeout=10)


def test_credentials_of_clouds_are_read(sops: Sops, vault: Vault) -> None:
    given = {
        "sops.aws-kms": "aws_access_key_id: a\naws_secret_access_key: b\naws_session_token: c\n",
        "sops.azure-kv": "tenantId: 11111111-1111-1111-1111-111111111111\nclientId: c\nclientSecret: s\n",
        "sops.gcp-kms": '{"type": "authorized_user", "client_id": "c", "client_secret": "s"}',
        "k.agekey": vault.age,
    }
    plain = sops.decrypt(ciphertext(vault.encrypt("a: b\n")), keys(given), timeout=10)
    assert base64.b64decode(plain) == b"a: b\n"


def test_values_that_fit_no_format_are_not_quoted(sops: Sops, vault: Vault) -> None:
    nested = ciphertext(vault.encrypt(f"a: {{b: {HIDDEN}}}\n"), output="dotenv")
    with pytest.raises(EngineError) as caught:
        sops.decrypt(nested, keys({"k.agekey": vault.age}), timeout=10)
    assert "failed to emit encrypted YAML file as decrypted dotenv" in str(caught.value)
    assert HIDDEN not in str(caught.value)


def test_keys_are_in_no_text(vault: Vault) -> None:
    assert vault.age not in repr(keys({"k.agekey": vault.age}))
    assert base64.b64encode(vault.age.encode()).decode() not in repr(keys({"k.agekey": vault.age}))
