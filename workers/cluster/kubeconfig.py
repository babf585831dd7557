# SPDX-License-Identifier: Apache-2.0
"""Open a client for a cluster that a kubeconfig names.

Only what stands in the kubeconfig is sent there: not our own token, and nothing of our environment.
"""

from __future__ import annotations

import ssl
from typing import Any

import urllib3
from urllib3.util import make_headers

from policies.kubeconfig import Access, KubeconfigError
from workers import tls
from workers.cluster.config import Headers
from workers.cluster.remote import LIMITS, Limits, Reach, RemoteClient, checked_pools

_IDLE = 8  # connections kept open to one server


def connect_to(
    access: Access,
    *,
    allow_loopback: bool,
    insecure_tls: bool = False,
    headers: Headers | None = None,
    limits: Limits = LIMITS,
) -> RemoteClient:
    """Return a client for what a kubeconfig says; nothing is called yet.

    `insecure_tls` lets the kubeconfig switch verification off; `headers` log in where it does not.
    Raises KubeconfigError for TLS data that cannot be used.
    """
    options: dict[str, Any] = {
        "num_pools": 2,
        "maxsize": _IDLE,
        "retries": False,
        "ssl_context": _tls(access, verify=not (access.insecure and insecure_tls)),
        "server_hostname": access.tls_server_name or None,
    }
    pool = urllib3.PoolManager(**options)
    if access.proxy_url:
        login = urllib3.util.parse_url(access.proxy_url).auth
        pool = urllib3.ProxyManager(
            access.proxy_url, proxy_headers=make_headers(proxy_basic_auth=login) if login else None, **options
        )
    pool.pool_classes_by_scheme = checked_pools(allow_loopback=allow_loopback, limits=limits)
    own = _credentials(access)
    return RemoteClient(access.server, pool, headers=headers or (lambda: own), reach=Reach(limits))


def _credentials(access: Access) -> dict[str, str]:
    if access.token:
        return {"authorization": f"Bearer {access.token}"}
    if access.username or access.password:
        return make_headers(basic_auth=f"{access.username}:{access.password}")
    return {}


def _tls(access: Access, *, verify: bool) -> ssl.SSLContext:
    context = tls.new_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        if access.ca:
            context.load_verify_locations(cadata=access.ca)
        else:
            context.load_default_certs()
    except (ssl.SSLError, ValueError):
        raise KubeconfigError("certificate-authority-data holds no certificate that can be read") from None
    try:
        if access.certificate:
            tls.load_identity(context, access.certificate, access.key)
    except (ssl.SSLError, ValueError):
        raise KubeconfigError(
            "client-certificate-data and client-key-data are no pair that can be used"
        ) from None
    return context
