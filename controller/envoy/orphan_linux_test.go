package envoy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"terraform-provider-emissary/test/deps"
)

// The test binary plays the controller that dies: see TestNoOrphan.
func TestMain(m *testing.M) {
	if dir := os.Getenv("EMISSARY_TEST_SUPERVISE"); dir != "" {
		supervise(dir)
	}
	os.Exit(m.Run())
}

// supervise runs Envoy and prints its process id once it is up.
func supervise(dir string) {
	b, err := Bootstrap(Options{XDSSocket: dir + "/xds.sock"})
	if err != nil {
		panic(err)
	}
	s, err := NewSupervisor(Config{Bootstrap: b, Dir: dir, Concurrency: 1})
	if err != nil {
		panic(err)
	}
	go func() { panic(s.Run(context.Background())) }()
	for {
		if _, err := s.Admin().Info(context.Background()); err == nil {
			break
		}
	}
	fmt.Println(s.pid())
	select {}
}

// A controller that is killed takes its Envoy with it: a second one must find
// the ports free.
func TestNoOrphan(t *testing.T) {
	t.Parallel()
	controller := exec.Command(os.Args[0])
	controller.Env = append(os.Environ(), "EMISSARY_TEST_SUPERVISE="+t.TempDir(), "ENVOY="+deps.Envoy(t))
	controller.Stderr = os.Stderr
	output, err := controller.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := controller.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the controller did not say Envoy's process id: %v", err)
	}
	pid := atoi(strings.TrimSpace(line))
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("Envoy, process %d, does not run: %v", pid, err)
	}
	if err := controller.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = controller.Wait()
	eventually(t, "Envoy is gone", func() bool {
		// A zombie that nobody collects has ended too.
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return errors.Is(err, os.ErrNotExist) || strings.Contains(string(status), ") Z ")
	})
}
