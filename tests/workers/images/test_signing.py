# SPDX-License-Identifier: Apache-2.0
"""Commits signed with keys that GnuPG and OpenSSH made, and verified as source-controller does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from policies.images.automation import SourceManagerFailed
from policies.kinds.imageupdateautomation import SigningKey
from tests.workers.images.conftest import Images
from toolchain import system
from workers.images.signing import signer_of

PASSPHRASE = "correct horse"
PAYLOAD = b"tree 1\nauthor Bot <bot@example.com> 1 +0000\n\nMessage\n"


@dataclass(frozen=True)
class Keys:
    """A private key without and with a passphrase, and the public ones, both and the first alone."""

    plain: str
    locked: str
    both: str
    public: str


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Keys]]:
    system.ensure("gnupg", "gpg")
    system.ensure("openssh-client", "ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    yield {"gpg": _pgp(folder), "ssh": _ssh(folder)}
    subprocess.run(["gpgconf", "--kill", "all"], env=_home(folder), check=False)


def _home(folder: Path) -> dict[str, str]:
    return {**os.environ, "GNUPGHOME": str(folder)}


def _pgp(home: Path) -> Keys:
    home.chmod(0o700)

    def gpg(passphrase: str, *arguments: str) -> str:
        command = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase, *arguments]
        return subprocess.run(command, env=_home(home), capture_output=True, text=True, check=True).stdout

    for passphrase in ("", PASSPHRASE):
        name = f"Ada {len(passphrase)} <ada@example.com>"
        gpg(passphrase, "--quick-generate-key", name, "rsa2048", "sign", "never")
    plain, locked = (
        gpg(one, "--armor", "--export-secret-keys", f"Ada {len(one)}") for one in ("", PASSPHRASE)
    )
    both, first = gpg("", "--armor", "--export"), gpg("", "--armor", "--export", "Ada 0")
    return Keys(plain, locked, both, first)


def _ssh(folder: Path) -> Keys:
    public = []
    for name, passphrase in (("plain", ""), ("locked", PASSPHRASE)):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(folder / name)]
        subprocess.run(command, check=True)
        public.append((folder / f"{name}.pub").read_text())
    return Keys((folder / "plain").read_text(), (folder / "locked").read_text(), "".join(public), public[0])


ENTRIES = {"gpg": ("git.asc", "passphrase"), "ssh": ("identity", "password")}


def secret(images: Images, **data: str) -> None:
    metadata = {"name": "key", "namespace": images.namespace}
    entries = {name.replace("_", "."): value for name, value in data.items()}
    images.client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": entries})


def wanted(kind: str | None) -> SigningKey:
    return SigningKey.model_validate({"secretRef": {"name": "key"}, "type": kind})


def signed(images: Images, kind: str | None) -> str:
    sign = signer_of(images.context, images.namespace, wanted(kind))
    assert sign is not None
    return sign(PAYLOAD)


@pytest.mark.parametrize("locked", [False, True], ids=["plain", "locked"])
@pytest.mark.parametrize("kind", ["gpg", "ssh"])
def test_a_signature_is_one_that_is_trusted(
    images: Images, keys: dict[str, Keys], kind: str, locked: bool
) -> None:
    key, lock = ENTRIES[kind]
    own = keys[kind]
    data = {key: own.locked if locked else own.plain, **({lock: PASSPHRASE} if locked else {})}
    secret(images, **{name.replace(".", "_"): value for name, value in data.items()})
    signature = signed(images, kind if kind == "ssh" else None)
    rings, authorized = ([own.both], []) if kind == "gpg" else ([], [own.both])
    engine = images.context.engine
    assert engine.verify(PAYLOAD, signature, key_rings=rings, authorized_keys=authorized, timeout=15)
    with pytest.raises(Exception, match="unable to verify"):
        engine.verify(PAYLOAD + b"x", signature, key_rings=rings, authorized_keys=authorized, timeout=15)


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("gpg", None, "could not find signing key secret 'key'"),
        ("gpg", {"identity": "x"}, "does not contain a 'git.asc' key"),
        ("ssh", {"git_asc": "x"}, "does not contain an 'identity' key"),
        ("gpg", {"git_asc": "no key"}, "could not read signing key from secret 'key'"),
        ("ssh", {"identity": "no key"}, "could not parse SSH signing key from secret 'key'"),
        ("gpg", {"git_asc": "locked"}, "without 'passphrase' field present in secret key"),
        ("ssh", {"identity": "locked"}, "without 'password' field present in secret key"),
        ("gpg", {"git_asc": "locked", "passphrase": "wrong"}, "could not decrypt private key"),
        ("ssh", {"identity": "locked", "password": "wrong"}, "could not parse SSH signing key"),
        ("gpg", {"git_asc": "public"}, "is a public one"),
    ],
)
def test_a_key_that_cannot_sign_is_named_and_not_shown(
    images: Images, keys: dict[str, Keys], kind: str, data: dict[str, str] | None, said: str
) -> None:
    if data is not None:
        made = {name: getattr(keys[kind], value, value) for name, value in data.items()}
        secret(images, **made)
    with pytest.raises(SourceManagerFailed, match=said) as found:
        signed(images, kind)
    assert "PRIVATE KEY" not in str(found.value)
