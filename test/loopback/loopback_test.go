package loopback_test

import (
	"net"
	"slices"
	"strconv"
	"testing"

	"terraform-provider-emissary/test/loopback"
)

func TestPorts(t *testing.T) {
	t.Parallel()
	one, two := loopback.Ports(t, 50), loopback.Ports(t, 50)
	for _, port := range append(slices.Clone(one), two...) {
		if slices.Contains(one, port) && slices.Contains(two, port) {
			t.Errorf("port %d is given out twice", port)
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Errorf("port %d is not free: %v", port, err)
			continue
		}
		_ = listener.Close()
	}
}
