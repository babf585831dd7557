# SPDX-License-Identifier: Apache-2.0
"""Signed commits and tags, made by git with GnuPG and OpenSSH, and who is trusted to have made them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.githost import GitHost, HostedRepository
from tests.workers.reconcile.conftest import made
from toolchain import system
from workers.cluster import Client

Reconcile = Callable[[Object], None]


@dataclass(frozen=True)
class Signer:
    """A key: what the Secret holds of it, how git signs with it, and how Flux names it."""

    secret: dict[str, str]
    options: tuple[str, ...]
    environment: dict[str, str]
    key: str


@pytest.fixture(scope="session")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Signer]]:
    folder = tmp_path_factory.mktemp("keys")
    system.ensure("gnupg", "gpg")
    system.ensure("openssh-client", "ssh-keygen")
    yield {"pgp": _pgp(folder), "ssh": _ssh(folder)}
    subprocess.run(["gpgconf", "--kill", "all"], env={**os.environ, "GNUPGHOME": str(folder)}, check=False)


def _pgp(home: Path) -> Signer:
    environment = {"GNUPGHOME": str(home)}

    def gpg(*arguments: str) -> str:
        done = subprocess.run(
            ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    home.chmod(0o700)
    gpg("--quick-generate-key", "Ada <ada@example.com>", "ed25519", "sign", "never")
    listed = gpg("--list-keys", "--with-colons")
    key = next(line.split(":")[4] for line in listed.splitlines() if line.startswith("pub:"))
    return Signer({"ada.asc": gpg("--armor", "--export", key)}, (f"-S{key}",), environment, key)


def _ssh(folder: Path) -> Signer:
    path = folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    public = path.with_suffix(".pub").read_text()
    shown = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True).stdout
    config = {"gpg.format": "ssh", "user.signingKey": str(path)}
    environment = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (name, value) in enumerate(config.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return Signer({"ada.sshpub": f"# Ada's\n{public}"}, ("-S",), environment, shown.split()[1])


@pytest.fixture
def fleet(githost: GitHost) -> HostedRepository:
    return githost.create("fleet")


@pytest.fixture
def source(client: Client, namespace: str, fleet: HostedRepository) -> Callable[..., Object]:
    """Make a GitRepository that verifies, and the Secret with the keys."""

    def make(keys: dict[str, str] | None, *, mode: str = "HEAD", **ref: str) -> Object:
        if keys is not None:
            client.create({**made("v1", "Secret", "trusted", namespace), "stringData": keys})
        spec: dict[str, Any] = {"url": fleet.url, "interval": "1m", "ref": ref or {"branch": "main"}}
        spec["verify"] = {"mode": mode, "secretRef": {"name": "trusted"}}
        return client.create(
            made("source.toolkit.fluxcd.io/v1", "GitRepository", "fleet", namespace, spec=spec)
        )

    return make


def signed(fleet: HostedRepository, signer: Signer, *, content: str = "a") -> str:
    """Make a signed commit on main."""
    tree = fleet.git("rev-parse", f"{fleet.commit({'a.yaml': content})}^{{tree}}")
    sha = fleet.git("commit-tree", tree, "-m", "signed", *signer.options, environment=signer.environment)
    fleet.git("update-ref", "refs/heads/main", sha)
    return sha


def signed_tag(fleet: HostedRepository, signer: Signer, sha: str) -> str:
    options = ("-s",) if signer.options == ("-S",) else ("-u", signer.key)
    fleet.git("tag", *options, "-m", "version 1", "v1.0.0", sha, environment=signer.environment)
    return fleet.git("rev-parse", "refs/tags/v1.0.0")


def outcome(client: Client, obj: Object) -> tuple[str, str, str]:
    """Return SourceVerified's status and reason, and its message; it agrees with Ready."""
    found = conditions.of(client.get(ObjectRef.of(obj)))
    verified, ready = conditions.find(found, "SourceVerified") or {}, conditions.find(found, "Ready") or {}
    assert verified["status"] == ready["status"]
    if verified["status"] == "False":
        assert (verified["reason"], verified["message"]) == (ready["reason"], ready["message"])
        assert not conditions.find(found, "FetchFailed")
    return verified["status"], verified["reason"], verified["message"]


@pytest.mark.parametrize("kind", ["pgp", "ssh"])
@pytest.mark.parametrize("mode", ["HEAD", "head"])
def test_a_commit_that_a_trusted_key_signed_is_taken(
    client: Client,
    reconcile: Reconcile,
    source: Callable[..., Object],
    fleet: HostedRepository,
    signers: dict[str, Signer],
    kind: str,
    mode: str,
) -> None:
    signer = signers[kind]
    sha, obj = signed(fleet, signer), source(signer.secret, mode=mode)
    reconcile(obj)
    message = f"verified signature of\n\t- commit '{sha}' with key '{signer.key}'"
    assert outcome(client, obj) == ("True", "Succeeded", message)
    status = client.get(ObjectRef.of(obj))["status"]
    assert status["sourceVerificationMode"] == "HEAD"
    assert status["artifact"]["revision"] == f"main@sha1:{sha}"


@pytest.mark.parametrize("kind", ["pgp", "ssh"])
def test_a_tag_and_its_commit_are_both_verified(
    client: Client,
    reconcile: Reconcile,
    source: Callable[..., Object],
    fleet: HostedRepository,
    signers: dict[str, Signer],
    kind: str,
) -> None:
    signer = signers[kind]
    sha = signed(fleet, signer)
    tag, obj = signed_tag(fleet, signer, sha), source(signer.secret, mode="TagAndHEAD", semver=">=1.0.0")
    reconcile(obj)
    lines = [f"tag 'v1.0.0@{tag}' with key '{signer.key}'", f"commit '{sha}' with key '{signer.key}'"]
    assert outcome(client, obj)[2] == "verified signature of\n\t- " + "\n\t- ".join(lines)


def test_with_mode_tag_the_commit_may_be_unsigned(
    client: Client,
    reconcile: Reconcile,
    source: Callable[..., Object],
    fleet: HostedRepository,
    signers: dict[str, Signer],
) -> None:
    signer = signers["ssh"]
    signed_tag(fleet, signer, fleet.commit({"a.yaml": "a"}))
    obj = source(signer.secret, mode="Tag", tag="v1.0.0")
    reconcile(obj)
    assert outcome(client, obj)[0] == "True"


def test_what_is_not_signed_by_a_trusted_key_makes_no_artifact(
    client: Client,
    reconcile: Reconcile,
    source: Callable[..., Object],
    fleet: HostedRepository,
    signers: dict[str, Signer],
) -> None:
    """A new commit without signature leaves the last good artifact where it is."""
    signer = signers["pgp"]
    sha, obj = signed(fleet, signer), source(signer.secret)
    reconcile(obj)
    bad = fleet.commit({"a.yaml": "b"})
    reconcile(obj)
    assert outcome(client, obj) == (
        "False",
        "InvalidCommitSignature",
        f"signature verification of commit '{bad}' failed: unsupported signature type: empty",
    )
    assert client.get(ObjectRef.of(obj))["status"]["artifact"]["revision"] == f"main@sha1:{sha}"
    signed(fleet, signer, content="c")
    reconcile(obj)
    assert outcome(client, obj)[0] == "True"


@pytest.mark.parametrize(
    ("kind", "other", "problem"),
    [
        (
            "pgp",
            "ssh",
            "PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)",
        ),
        (
            "ssh",
            "pgp",
            "SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)",
        ),
    ],
)
def test_a_secret_with_keys_of_the_other_kind_is_told(
    client: Client,
    reconcile: Reconcile,
    source: Callable[..., Object],
    fleet: HostedRepository,
    signers: dict[str, Signer],
    kind: str,
    other: str,
    problem: str,
) -> None:
    sha, obj = signed(fleet, signers[kind]), source(signers[other].secret)
    reconcile(obj)
    expected = f"signature verification of commit '{sha}' failed: {problem}"
    assert outcome(client, obj) == ("False", "InvalidCommitSignature", expected)


@pytest.mark.parametrize(
    ("keys", "reason", "problem"),
    [
        pytest.param(
            None, "VerificationError", 'public keys secret error: secrets "trusted" not found', id="none"
        ),
        pytest.param(
            {"a.sshpub": "nonsense"}, "InvalidCommitSignature", "unable to parse authorized key", id="bad"
        ),
        pytest.param(
            {"a.sshpub": ""}, "InvalidCommitSignature", "with any of the given authorized keys", id="empty"
        ),
    ],
)
def test_keys_that_cannot_be_used_are_told(
    client: Client,
    reconcile: Reconcile,
    source: Callable[..., Object],
    fleet: HostedRepository,
    signers: dict[str, Signer],
    keys: dict[str, str] | None,
    reason: str,
    problem: str,
) -> None:
    signed(fleet, signers["ssh"])
    obj = source(keys)
    reconcile(obj)
    status, why, message = outcome(client, obj)
    assert (status, why) == ("False", reason)
    assert problem in message


@pytest.mark.parametrize(
    ("annotated", "ref", "reason", "terminal"),
    [
        pytest.param(False, {"tag": "v1.0.0"}, "InvalidGitObject", False, id="a-lightweight-tag"),
        pytest.param(True, {"tag": "v1.0.0"}, "InvalidGitObject", False, id="an-unsigned-tag"),
        pytest.param(True, {"branch": "main"}, "InvalidVerificationMode", True, id="a-branch"),
    ],
)
def test_a_tag_that_cannot_be_verified_is_told(
    client: Client,
    reconcile: Reconcile,
    source: Callable[..., Object],
    fleet: HostedRepository,
    signers: dict[str, Signer],
    annotated: bool,
    ref: dict[str, str],
    reason: str,
    terminal: bool,
) -> None:
    fleet.tag("v1.0.0", signed(fleet, signers["ssh"]), annotated=annotated)
    obj = source(signers["ssh"].secret, mode="TagAndHEAD", **ref)
    reconcile(obj)
    assert outcome(client, obj)[:2] == ("False", reason)
    assert conditions.is_true(conditions.of(client.get(ObjectRef.of(obj))), "Stalled") is terminal
