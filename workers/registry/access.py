# SPDX-License-Identifier: Apache-2.0
"""By which way and as whom a registry is asked: the logins there are, certificates, and a proxy."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass, field, replace

from policies.registry.pull_secrets import Entry, Login
from workers import tls
from workers.registry.errors import Unconfigured

NOBODY = "anonymous"


@dataclass(frozen=True, slots=True)
class Access:
    """What spec.secretRef, serviceAccountName, certSecretRef and proxySecretRef come to.

    Certificates and key are PEM; the authorities are trusted beside the system's own. `proxy` is a URL, with
    user and password where it asks for them.
    """

    logins: tuple[Entry, ...] = field(default=(), repr=False)
    authorities: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)

    @property
    def way(self) -> Access:
        """Return it without the logins: what is learned by one way is not believed on another.

        Whoever chooses authorities or a proxy can play any registry, so tenants share nothing by it.
        """
        return replace(self, logins=())

    @property
    def way_name(self) -> str:
        """Return a short name of the way that says nothing of it; empty for the plain one."""
        if self.way == ANONYMOUS:
            return ""
        parts = (self.authorities, self.certificate, self.key, self.proxy)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


ANONYMOUS = Access()


def account_of(login: Login | None, access: Access) -> str:
    """Return by which name a login's requests are counted; it says nothing of its secrets."""
    name = NOBODY
    if login is not None:
        # A token is long and random, so its hash tells nobody what it is; of a password it might.
        named = login.username or login.identity_token or login.registry_token
        name = hashlib.sha256(named.encode()).hexdigest()[:16]
    return f"{name}@{access.way_name}" if access.way_name else name


def tls_context(access: Access) -> ssl.SSLContext:
    """Return what to trust and who to be; raises Unconfigured for certificates that cannot be used."""
    context = tls.new_context()
    context.load_default_certs()
    try:
        if access.authorities:
            context.load_verify_locations(cadata=access.authorities)
    except (ssl.SSLError, ValueError):
        raise _unusable("ca.crt holds no certificate that can be read") from None
    try:
        if access.certificate:
            tls.load_identity(context, access.certificate, access.key)
    except (ssl.SSLError, ValueError):
        raise _unusable("tls.crt and tls.key are no pair that can be used") from None
    return context


def _unusable(problem: str) -> Unconfigured:
    return Unconfigured(f"the certificates cannot be used: {problem}", remedy="correct spec.certSecretRef")
