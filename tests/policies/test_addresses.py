# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from policies.addresses import refusal


@pytest.mark.parametrize(
    "address",
    [
        "140.82.121.4",
        "10.0.0.7",
        "192.168.1.10",
        "172.16.0.1",
        "100.64.0.1",
        "2606:50c0:8000::154",
        "fd12:3456::1",
    ],
)
def test_public_and_private_networks_may_be_called(address: str) -> None:
    assert refusal(address, allow_loopback=False) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("127.77.1.2", "loopback"),
        ("0.0.0.0", "loopback"),
        ("::1", "loopback"),
        ("::", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
    ],
)
def test_this_machine_may_be_called_only_when_that_is_allowed(address: str, why: str) -> None:
    assert why in (refusal(address, allow_loopback=False) or "")
    assert refusal(address, allow_loopback=True) is None


@pytest.mark.parametrize("allow_loopback", [True, False])
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("100.100.100.200", "metadata"),
        ("192.0.0.192", "metadata"),
        ("168.63.129.16", "metadata"),
        ("224.0.0.1", "no single host"),
        ("ff02::1", "no single host"),
        ("255.255.255.255", "no single host"),
    ],
)
def test_metadata_and_what_is_no_host_may_never_be_called(
    address: str, why: str, allow_loopback: bool
) -> None:
    assert why in (refusal(address, allow_loopback=allow_loopback) or "")
