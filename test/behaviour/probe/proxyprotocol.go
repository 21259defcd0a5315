package probe

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"terraform-provider-emissary/test/behaviour/spec"
)

// defaultSource is the client a PROXY header names when the probe does not: an address for documentation
// (RFC 5737), which nothing else in a case has.
var defaultSource = netip.MustParseAddrPort("203.0.113.10:40000")

// proxyV2Signature starts a version 2 header.
const proxyV2Signature = "\r\n\r\n\x00\r\nQUIT\n"

// proxyHeader writes the PROXY protocol header (haproxy's proxy-protocol.txt, sections 2.1 and 2.2).
func proxyHeader(p *spec.ProxyProtocol, to net.Addr) ([]byte, error) {
	source := defaultSource
	if p.Source != "" {
		var err error
		if source, err = parseSource(p.Source); err != nil {
			return nil, fmt.Errorf("%w: proxy_protocol source %q: %w", errBadProbe, p.Source, err)
		}
	}
	tcp, ok := to.(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("%w: proxy_protocol needs TCP, not %s", errBadProbe, to.Network())
	}
	destination := tcp.AddrPort()
	destination = netip.AddrPortFrom(destination.Addr().Unmap(), destination.Port())
	if source.Addr().Is4() != destination.Addr().Is4() {
		destination = netip.AddrPortFrom(netip.IPv6Loopback(), destination.Port())
	}
	if p.Version == 2 {
		return proxyHeaderV2(source, destination), nil
	}
	family := "TCP4"
	if source.Addr().Is6() {
		family = "TCP6"
	}
	return fmt.Appendf(nil, "PROXY %s %s %s %d %d\r\n", family,
		source.Addr(), destination.Addr(), source.Port(), destination.Port()), nil
}

func proxyHeaderV2(source, destination netip.AddrPort) []byte {
	addresses := append(source.Addr().AsSlice(), destination.Addr().AsSlice()...)
	addresses = binary.BigEndian.AppendUint16(addresses, source.Port())
	addresses = binary.BigEndian.AppendUint16(addresses, destination.Port())
	family := byte(0x11) // TCP over IPv4
	if source.Addr().Is6() {
		family = 0x21
	}
	header := append([]byte(proxyV2Signature), 0x21, family) // version 2, command PROXY
	header = binary.BigEndian.AppendUint16(header, uint16(len(addresses)))
	return append(header, addresses...)
}

func parseSource(s string) (netip.AddrPort, error) {
	if address, err := netip.ParseAddrPort(s); err == nil {
		return address, nil
	}
	address, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(address, defaultSource.Port()), err
}
