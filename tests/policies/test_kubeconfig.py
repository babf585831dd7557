# SPDX-License-Identifier: Apache-2.0
"""A kubeconfig is input: what of it counts, and with which sentence everything else is refused."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.kubeconfig import Access, KubeconfigError, choose, read

SERVER = "https://10.0.0.1:6443"
PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
DATA = base64.b64encode(PEM.encode()).decode()
SECRET = "hunter2"  # stands in every credential: no text may show it


def kubeconfig(cluster: Any = None, user: Any = None, **top: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "contexts": [
            {"name": "other", "context": {"cluster": "none", "user": "none"}},
            {"name": "main", "context": {"cluster": "c", "user": "u", "namespace": "ignored"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": "u", "user": user if user is not None else {"token": SECRET}}],
        **top,
    }


@pytest.mark.parametrize(
    ("cluster", "user", "access"),
    [
        pytest.param({}, {"token": "t"}, Access(SERVER, token="t"), id="a-token"),
        pytest.param({}, {}, Access(SERVER), id="nobody"),
        pytest.param(
            {"certificate-authority-data": DATA},
            {"client-certificate-data": DATA, "client-key-data": DATA},
            Access(SERVER, ca=PEM, certificate=PEM, key=PEM),
            id="a-client-certificate",
        ),
        pytest.param(
            {},
            {"username": "u", "password": "p"},
            Access(SERVER, username="u", password="p"),
            id="a-password",
        ),
        pytest.param(
            {
                "tls-server-name": "api.example",
                "insecure-skip-tls-verify": "true",
                "proxy-url": "http://proxy:3128",
            },
            {},
            Access(SERVER, tls_server_name="api.example", insecure=True, proxy_url="http://proxy:3128"),
            id="tls-and-proxy",
        ),
        pytest.param(
            {"server": "https://rancher.example/k8s/clusters/c-1/"},
            {},
            Access("https://rancher.example/k8s/clusters/c-1"),
            id="a-server-with-a-path",
        ),
        pytest.param({"server": "10.0.0.1:8080"}, {}, Access("http://10.0.0.1:8080"), id="no-scheme"),
        pytest.param(
            {"server": "10.0.0.1", "certificate-authority-data": DATA},
            {},
            Access("https://10.0.0.1", ca=PEM),
            id="no-scheme-and-an-authority",
        ),
        pytest.param(
            {}, {"token": "t", "exec": {"command": "x"}}, Access(SERVER, token="t"), id="spare-exec"
        ),
        pytest.param({}, {"token": "t", "tokenFile": "/x"}, Access(SERVER, token="t"), id="spare-token-file"),
        pytest.param({}, {"token": "t", "exec": None}, Access(SERVER, token="t"), id="an-empty-exec"),
        pytest.param({}, {"token": "t", "as": "admin"}, Access(SERVER, token="t"), id="an-impersonation"),
    ],
)
def test_the_current_context_says_where_and_as_whom(cluster: Any, user: Any, access: Access) -> None:
    assert read(kubeconfig(cluster, user)) == access


REFUSED = [
    ("no-context", kubeconfig(**{"current-context": ""}), "no current-context is set: set it to the name"),
    (
        "an-unknown-context",
        kubeconfig(**{"current-context": "x"}),
        "context was not found for specified context: x",
    ),
    ("an-unknown-cluster", kubeconfig(clusters=[]), 'cluster "c" was not found for context "main"'),
    ("an-unknown-user", kubeconfig(users=[]), 'user "u" was not found for context "main"'),
    (
        "no-server",
        kubeconfig({"server": ""}),
        "the cluster has no server: set it to the API server's address",
    ),
    (
        "exec",
        kubeconfig(user={"exec": {"command": SECRET}}),
        "the user logs in with exec, and Fairway runs no",
    ),
    ("a-plugin", kubeconfig(user={"auth-provider": {"name": "gcp"}}), "the user logs in with auth-provider,"),
    (
        "a-ca-file",
        kubeconfig({"certificate-authority": "/etc/ca"}),
        "certificate-authority names a file, and a kubeconfig in a cluster has none:"
        " use certificate-authority-data",
    ),
    (
        "a-certificate-file",
        kubeconfig(user={"client-certificate": "/etc/x"}),
        "client-certificate names a file, and a kubeconfig in a cluster has none: use",
    ),
    ("a-key-file", kubeconfig(user={"client-key": "/x"}), "client-key names a file, and a"),
    (
        "a-token-file",
        kubeconfig(user={"tokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token"}),
        "tokenFile names a file, and a kubeconfig in a cluster has none: use token",
    ),
    (
        "two-logins",
        kubeconfig(user={"token": SECRET, "username": "u", "password": SECRET}),
        "more than one authentication method found for the user; found [token basicAuth]",
    ),
    (
        "half-a-pair",
        kubeconfig(user={"client-certificate-data": DATA}),
        "client-certificate-data and client-key-data go together: set both or neither",
    ),
    (
        "no-base64",
        kubeconfig(user={"client-certificate-data": DATA, "client-key-data": f"{SECRET}!"}),
        "client-key-data is not base64 of PEM data",
    ),
    (
        "no-pem",
        kubeconfig({"certificate-authority-data": "aGk="}),
        "certificate-authority-data is not base64",
    ),
    ("a-line-break", kubeconfig(user={"token": f"{SECRET}\nx: y"}), "token holds a line break or a control"),
    ("a-file-as-server", kubeconfig({"server": "file:///etc/passwd"}), "server is no address: write it like"),
    (
        "another-scheme",
        kubeconfig({"server": "ftp://x"}),
        "server is ftp, which is not served: use https or http",
    ),
    (
        "a-login-in-the-address",
        kubeconfig({"server": f"https://u:{SECRET}@x"}),
        "server holds more than scheme, host and path: leave the rest out",
    ),
    ("a-bad-port", kubeconfig({"server": "https://x:99999"}), "server is no address"),
    ("a-break-in-the-address", kubeconfig({"server": "https://x/\r\na"}), "server is no address"),
    (
        "socks",
        kubeconfig({"proxy-url": f"socks5://u:{SECRET}@x"}),
        "proxy-url is socks5, which is not served: use http or https",
    ),
    ("a-list-as-user", kubeconfig(user=[SECRET]), "users[].user is no mapping of fields"),
    ("a-number-as-token", kubeconfig(user={"token": 123}), "token is no text"),
    ("a-mapping-as-token", kubeconfig(user={"token": {"x": SECRET}}), "token is no text"),
    ("contexts-as-text", kubeconfig(contexts=SECRET), "contexts is no list"),
    ("a-list", [SECRET], "the kubeconfig is no mapping of fields"),
    ("a-text", SECRET, "the kubeconfig is no mapping of fields"),
]


@pytest.mark.parametrize(
    ("config", "text"), [pytest.param(config, text, id=name) for name, config, text in REFUSED]
)
def test_what_cannot_be_used_is_refused_with_the_field_and_without_its_value(config: Any, text: str) -> None:
    with pytest.raises(KubeconfigError) as caught:
        read(config)
    assert str(caught.value).startswith(text)
    assert SECRET not in str(caught.value)
    assert (caught.value.reason, caught.value.retryable) == ("ReconciliationFailed", True)


def test_an_access_shows_no_credential() -> None:
    shown = repr(read(kubeconfig({"proxy-url": f"http://u:{SECRET}@proxy"}, {"token": SECRET})))
    assert SERVER in shown
    assert SECRET not in shown


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["name", "user", "cluster", "context", "token", "server"]), inner
            )
        ),
    )
)
def test_nothing_but_a_refusal_comes_of_nonsense(nonsense: Any) -> None:
    for place in ("contexts", "clusters", "users", "current-context"):
        with contextlib.suppress(KubeconfigError):
            assert isinstance(read(kubeconfig(**{place: nonsense})), Access)


@pytest.mark.parametrize(
    ("data", "key", "found"),
    [
        ({"value": "a", "value.yaml": "b"}, None, "a"),
        ({"value.yaml": "b"}, None, "b"),
        ({"value.yaml": "b"}, "", "b"),
        ({"value": "a", "mine": "c"}, "mine", "c"),
        ({"value": ""}, None, ""),
    ],
)
def test_the_key_is_the_one_named_or_value_or_value_yaml(data: Any, key: str | None, found: str) -> None:
    assert choose(data, key, "apps/prod") == found


@pytest.mark.parametrize(
    ("data", "key", "text"),
    [
        ({"x": "a"}, None, "KubeConfig secret 'apps/prod' does not contain a 'value' key with a kubeconfig"),
        ({"value": "a"}, "x", "KubeConfig secret 'apps/prod' does not contain a 'x' key with a kubeconfig"),
    ],
)
def test_a_missing_key_is_told_in_flux_s_words(data: Any, key: str | None, text: str) -> None:
    with pytest.raises(KubeconfigError) as caught:
        choose(data, key, "apps/prod")
    assert str(caught.value) == text
