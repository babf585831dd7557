// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// A network makes clients for key services. Where they are is said by files of a repository and by Secrets,
// so they must not lead to what only this machine or its cloud can see; the rules are those of
// policies/addresses.py.
type network struct{ loopback bool }

const (
	stepTimeout = 5 * time.Second
	callTimeout = 10 * time.Second
)

func newNetwork(loopback bool) *network { return &network{loopback} }

// client returns a new one each time, since some libraries change theirs.
func (n *network) client() *http.Client {
	dialer := &net.Dialer{Timeout: stepTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		return n.check(address)
	}}
	return &http.Client{Timeout: callTimeout, Transport: &http.Transport{
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: stepTimeout,
		ForceAttemptHTTP2:   true,
		IdleConnTimeout:     callTimeout,
	}}
}

var metadataServices = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),
	netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"),
	netip.MustParseAddr("168.63.129.16"),
}

// check is asked with the address that is about to be connected to, after names are resolved.
func (n *network) check(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is not called: it is no address", address)
	}
	ip := embedded(at.Addr().WithZone(""))
	for _, metadata := range metadataServices {
		if ip == metadata {
			return fmt.Errorf("%s is not called: it is a cloud's metadata service", ip)
		}
	}
	switch {
	case ip.IsLoopback() || ip.IsUnspecified():
		if !n.loopback {
			return fmt.Errorf("%s is not called: it is this machine's own (loopback)", ip)
		}
	case ip.IsLinkLocalUnicast():
		return fmt.Errorf("%s is not called: it is link-local, where clouds keep their metadata", ip)
	case ip.IsMulticast() || (ip.Is4() && ip.As4()[0] >= 240):
		return fmt.Errorf("%s is not called: it is no single host's address", ip)
	}
	return nil
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
)

// embedded returns the IPv4 address that an IPv6 one stands for, since that is where packets go.
func embedded(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	bytes := ip.As16()
	switch {
	case nat64.Contains(ip):
		return netip.AddrFrom4([4]byte(bytes[12:16]))
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(bytes[2:6]))
	}
	return ip
}
