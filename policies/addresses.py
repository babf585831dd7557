# SPDX-License-Identifier: Apache-2.0
"""Which addresses an outside call may reach.

A URL from Git, a cluster object or a user must not lead Fairway to what only this machine or its cloud can
see: loopback, link-local (where clouds keep their metadata and credentials), and what is no one host's
address. Private networks are allowed: that is where an Enterprise server or a registry lives.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# Metadata services that do not sit on a link-local address.
_METADATA = {
    ip_address("fd00:ec2::254"),  # AWS over IPv6
    ip_address("fd20:ce::254"),  # Google Cloud over IPv6
    ip_address("100.100.100.200"),  # Alibaba Cloud
    ip_address("192.0.0.192"),  # Oracle Cloud
    ip_address("168.63.129.16"),  # Azure's platform address
}
_NAT64 = ip_network("64:ff9b::/96")


def refusal(address: str, *, allow_loopback: bool) -> str | None:
    """Return why an IP address must not be called, or None when it may be."""
    ip = _embedded(ip_address(address.partition("%")[0]))
    if ip.is_loopback or ip.is_unspecified:
        return None if allow_loopback else "it is this machine's own (loopback)"
    if ip in _METADATA:
        return "it is a cloud's metadata service"
    if ip.is_link_local:
        return "it is link-local, where clouds keep their metadata"
    if ip.is_multicast or (isinstance(ip, IPv4Address) and ip.is_reserved):
        return "it is no single host's address"
    return None


def _embedded(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, since that is where packets go."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
