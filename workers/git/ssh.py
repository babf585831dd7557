# SPDX-License-Identifier: Apache-2.0
"""ssh for git: which command it is, and the keys it uses, which lie in memory only.

Only the Secret's identity and known_hosts count: no agent, no configuration, no password, no other host key.
The checked address is connected to, while the host key is looked up under the name that the URL has.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from workers.git.errors import InvalidCredentials

_OPTIONS = (
    *("BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "PreferredAuthentications=publickey"),
    *("PasswordAuthentication=no", "KbdInteractiveAuthentication=no", "StrictHostKeyChecking=yes"),
    *("GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no", "CheckHostIP=no", "VerifyHostKeyDNS=no"),
    *("ForwardAgent=no", "ClearAllForwardings=yes", "PermitLocalCommand=no", "ControlMaster=no"),
    *("ControlPath=none", "ServerAliveInterval=10", "ServerAliveCountMax=2", "LogLevel=ERROR"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key without passphrase, and the host keys that are trusted."""

    key: bytes = field(repr=False)
    known_hosts: bytes = field(repr=False)


def identity_from_secret(data: Mapping[str, bytes]) -> Identity:
    """Read a Secret's identity and known_hosts as source-controller does; raises InvalidCredentials."""
    for name in ("identity", "known_hosts"):
        if not data.get(name, b"").strip():
            raise _unusable(f"invalid 'ssh' auth option: '{name}' is required")
    return Identity(_opened(data["identity"], data.get("password", b"")), _ended(data["known_hosts"]))


def _opened(key: bytes, passphrase: bytes) -> bytes:
    """Return the key without its passphrase: ssh would ask a person for it."""
    key = _ended(key)
    load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in key else load_pem_private_key
    try:
        try:
            loaded = load(key, None)
        except TypeError:  # it has a passphrase
            loaded = load(key, passphrase or b"\0")
        return loaded.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unusable("'identity' is no private key, or 'password' is not its passphrase") from None


def _ended(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"


@contextmanager
def command(identity: Identity, *, host: str, port: int, address: str, timeout: float) -> Iterator[str]:
    """Yield the command for git's core.sshCommand; what it names is gone afterwards."""
    files = [_memory_file(content) for content in (identity.key, identity.known_hosts)]
    try:
        # ssh closes what it inherits, so it reads them from us.
        key, known_hosts = (f"/proc/{os.getpid()}/fd/{file}" for file in files)
        alias = host if port == 22 else f"[{host}]:{port}"
        options = [
            *_OPTIONS,
            f"ConnectTimeout={max(1, int(timeout))}",
            f"IdentityFile={key}",
            f"UserKnownHostsFile={known_hosts}",
            f"HostKeyAlias={alias}",
            f"HostName={address}",
        ]
        yield shlex.join(["ssh", "-F", "none", *(part for one in options for part in ("-o", one))])
    finally:
        for file in files:
            os.close(file)


def _memory_file(content: bytes) -> int:
    file = os.memfd_create("ssh")
    os.fchmod(file, 0o600)  # ssh refuses a key that others may read
    os.write(file, content)
    return file


def _unusable(problem: str) -> InvalidCredentials:
    return InvalidCredentials(
        f"failed to configure authentication options: {problem}",
        remedy="correct the Secret in spec.secretRef",
    )
