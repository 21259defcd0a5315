// Package loopback hands out ports on 127.0.0.1 to tests that start servers, and start them again.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// The ports given out. They lie below those that Linux gives to clients (32768 on, ip_local_port_range): a connection of
// any other test could take one of those while a server of ours is stopped.
const (
	first = 21000
	after = 32000
)

// Ports reserves n TCP ports that nobody listens on, until the test ends: no other test is given them, in no process.
func Ports(t testing.TB, n int) []int {
	t.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("emissary-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var free []int
	start := rand.IntN(after - first)
	for i := 0; i < after-first && len(free) < n; i++ {
		port := first + (start+i)%(after-first)
		if reserve(t, filepath.Join(dir, strconv.Itoa(port))) && isFree(port) {
			free = append(free, port)
		}
	}
	if len(free) < n {
		t.Fatalf("fewer than %d of the ports %d to %d are free on 127.0.0.1", n, first, after-1)
	}
	return free
}

// reserve locks a file until the test ends. It returns false where another test has it.
func reserve(t testing.TB, path string) bool {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = file.Close()
		return false
	}
	t.Cleanup(func() { _ = file.Close() })
	return true
}

func isFree(port int) bool {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
