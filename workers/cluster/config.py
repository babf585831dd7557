# SPDX-License-Identifier: Apache-2.0
"""Where the API server is and who we are there.

The `kubernetes` package knows every way a kubeconfig can authenticate (exec plugins, OIDC, files that
rotate); we ask it for the address, the TLS files and the current token, and make the calls ourselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import urllib3

from policies.errors import SettingsError
from workers.cluster.client import Client
from workers.loading import load

Headers = Callable[[], dict[str, str]]


def connect(*, kubeconfig: str | None = None, context: str | None = None, threads: int = 32) -> Client:
    """Open a client for a kubeconfig's context, or for the cluster we run in when there is none.

    `threads` bounds the idle connections kept; raises SettingsError when nothing usable is found.
    """
    configuration = _configuration(kubeconfig, context)
    server = configuration.host.rstrip("/")
    tls = {} if server.startswith("http:") else _tls(configuration)
    pool = urllib3.connection_from_url(server, maxsize=threads, retries=False, **tls)
    return Client(server, pool, headers=_auth_headers(configuration))


def _tls(configuration: Any) -> dict[str, Any]:
    return {
        "ca_certs": configuration.ssl_ca_cert or None,
        "cert_file": configuration.cert_file or None,
        "key_file": configuration.key_file or None,
        "cert_reqs": "CERT_REQUIRED" if configuration.verify_ssl else "CERT_NONE",
        "server_hostname": configuration.tls_server_name or None,
    }


def _configuration(kubeconfig: str | None, context: str | None) -> Any:
    # Imported here: the package costs a second and 50 MiB, which only processes that call the cluster pay.
    load("kubernetes")
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        if kubeconfig is None and context is None:
            try:
                config.load_incluster_config(client_configuration=configuration)
                return configuration
            except config.ConfigException:
                pass
        config.load_kube_config(config_file=kubeconfig, context=context, client_configuration=configuration)
    except config.ConfigException as error:
        raise SettingsError(
            f"no usable Kubernetes configuration: {error}",
            remedy="set KUBECONFIG and FAIRWAY_CONTEXT, or run inside the cluster",
        ) from error
    return configuration


def _auth_headers(configuration: Any) -> Headers:
    def headers() -> dict[str, str]:
        token = configuration.get_api_key_with_prefix(
            "authorization"
        ) or configuration.get_api_key_with_prefix("BearerToken")
        return {"authorization": token} if token else {}

    return headers
