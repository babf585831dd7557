# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.account_login import AccountLogin, read
from policies.kubeconfig import KubeconfigError

SMALL = {"provider": "generic", "address": "https://10.0.0.1:6443", "serviceAccountName": "bot"}


@pytest.mark.parametrize(
    ("data", "login"),
    [
        pytest.param(
            {},
            AccountLogin("https://10.0.0.1:6443", "", "bot", ("https://10.0.0.1:6443",), lockdown=False),
            id="the-address-is-the-audience",
        ),
        pytest.param(
            {"audiences": " a\n\nb \n", "ca.crt": "PEM"},
            AccountLogin("https://10.0.0.1:6443", "PEM", "bot", ("a", "b"), lockdown=False),
            id="audiences-line-by-line",
        ),
        pytest.param(
            {"address": "API.example/path", "audiences": "a"},
            AccountLogin("https://api.example:443", "", "bot", ("a",), lockdown=False),
            id="a-bare-host",
        ),
        pytest.param(
            {"address": "https://[fd00::1]", "audiences": "a"},
            AccountLogin("https://[fd00::1]:443", "", "bot", ("a",), lockdown=False),
            id="ipv6",
        ),
        pytest.param(
            {"serviceAccountName": ""},
            AccountLogin("https://10.0.0.1:6443", "", "tenant", ("https://10.0.0.1:6443",), lockdown=True),
            id="the-operator-s-account",
        ),
    ],
)
def test_a_login_says_where_and_with_whose_token(data: dict[str, str], login: AccountLogin) -> None:
    assert read({**SMALL, **data}, default_account="tenant", gate=True) == login


@pytest.mark.parametrize(
    ("data", "gate", "text"),
    [
        ({"provider": ""}, True, "provider '' not implemented"),
        ({"provider": "x"}, True, "provider 'x' not implemented"),
        (
            {"provider": "aws"},
            True,
            "provider 'aws' is not served by Fairway yet, which has no identity in that",
        ),
        ({"provider": "gcp"}, True, "provider 'gcp' is not served by Fairway yet"),
        ({"provider": "azure"}, True, "provider 'azure' is not served by Fairway yet"),
        (
            {},
            False,
            "failed to get access token for cluster: ObjectLevelWorkloadIdentity feature gate is not",
        ),
        (
            {"serviceAccountName": ""},
            True,
            "it names no serviceAccountName, and Fairway sends no token of its",
        ),
        ({"serviceAccountName": "../x"}, True, "serviceAccountName is no name of a service account"),
        ({"address": ""}, True, "cluster address is required to create a REST config"),
        ({"address": "http://x"}, True, "the Kubernetes API server address 'http://x' must use https scheme"),
        ({"address": "https://"}, True, "address is no address"),
    ],
)
def test_what_cannot_log_in_is_refused(data: dict[str, str], gate: bool, text: str) -> None:
    with pytest.raises(KubeconfigError) as caught:
        read({**SMALL, **data}, default_account="", gate=gate)
    assert str(caught.value).startswith(text)
