package isolation

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// Enter furnishes the namespaces a child was started in: the loopback interface is up, every address is
// local to it, and the given names resolve.
func Enter(names map[string][]netip.Addr) error {
	if err := raiseLoopback(); err != nil {
		return fmt.Errorf("raising the loopback interface: %w", err)
	}
	if err := claimEveryAddress(unix.AF_INET); err != nil {
		return fmt.Errorf("making every address local: %w", err)
	}
	if HasIPv6() {
		if err := claimEveryAddress(unix.AF_INET6); err != nil {
			return fmt.Errorf("making every IPv6 address local: %w", err)
		}
		// Unlike IPv4's, an IPv6 address that is only routed here cannot be bound without this.
		if err := os.WriteFile("/proc/sys/net/ipv6/ip_nonlocal_bind", []byte("1"), 0); err != nil {
			return fmt.Errorf("making every IPv6 address local: %w", err)
		}
	}
	if err := writeHosts(names); err != nil {
		return fmt.Errorf("making names resolve: %w", err)
	}
	return nil
}

func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// loopbackIndex is the interface number of lo, the first in every network namespace.
const loopbackIndex = 1

// claimEveryAddress adds the route "local default dev lo": any address can then be bound and reached, as
// the pod and Service addresses of a cluster can.
func claimEveryAddress(family byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()

	route := []byte{family, 0, 0, 0, unix.RT_TABLE_LOCAL, unix.RTPROT_BOOT, unix.RT_SCOPE_HOST, unix.RTN_LOCAL, 0, 0, 0, 0}
	route = binary.NativeEndian.AppendUint16(route, unix.SizeofRtAttr+4)
	route = binary.NativeEndian.AppendUint16(route, unix.RTA_OIF)
	route = binary.NativeEndian.AppendUint32(route, loopbackIndex)

	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(route)))
	message = binary.NativeEndian.AppendUint16(message, unix.RTM_NEWROUTE)
	message = binary.NativeEndian.AppendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	message = binary.NativeEndian.AppendUint64(message, 0) // sequence number and port
	if err := unix.Sendto(fd, append(message, route...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, unix.Getpagesize())
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 {
		return fmt.Errorf("netlink answered %d bytes", n)
	}
	// The acknowledgement is an error message with code 0.
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// writeHosts puts a hosts file of the case's own over the machine's.
func writeHosts(names map[string][]netip.Addr) error {
	lines := []string{"127.0.0.1 localhost", "::1 localhost"}
	for name, addresses := range names {
		for _, address := range addresses {
			lines = append(lines, address.String()+" "+name)
		}
	}
	slices.Sort(lines)
	file, err := os.CreateTemp("", "hosts")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.WriteString(strings.Join(lines, "\n") + "\n"); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount(file.Name(), "/etc/hosts", "", unix.MS_BIND, "")
}
