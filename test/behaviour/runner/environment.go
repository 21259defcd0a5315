package runner

import (
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"

	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/behaviour/spec"
)

// ports are the controller's and its Envoy's own.
type ports struct{ admin, health, ready int }

// ports are Emissary's usual ones on a machine of the case's own, and free ones on a shared machine.
func (t *task) ports() (ports, error) {
	if t.Isolation == isolation.Namespaces {
		return ports{admin: 8001, health: 8877, ready: 8006}, nil
	}
	free, err := freePorts(firstPort+t.Slot*portsForSlot, 3)
	if err != nil {
		return ports{}, err
	}
	return ports{admin: free[0], health: free[1], ready: free[2]}, nil
}

// environment is the controller's: the case's, and what keeps it in its own corner of the machine.
func (t *task) environment(c *spec.Case, at ports) map[string]string {
	env := map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": t.Scratch, "TMPDIR": t.Scratch,
		"ENVOY":                         t.Envoy,
		"ENVOY_CONCURRENCY":             "1",
		"AMBASSADOR_ENVOY_BIND_ADDRESS": t.gateway().String(),
	}
	maps.Copy(env, c.Env)
	// The runner must find these, whatever a case says.
	env["ENVOY_ADMIN_PORT"] = strconv.Itoa(at.admin)
	env["AMBASSADOR_READY_PORT"] = strconv.Itoa(at.ready)
	env["AMBASSADOR_HEALTHCHECK_BIND_ADDRESS"] = t.health().String()
	env["AMBASSADOR_HEALTHCHECK_BIND_PORT"] = strconv.Itoa(at.health)
	return env
}

// Each slot has its own ports, below those that the kernel hands out to clients.
const (
	firstPort    = 20000
	portsForSlot = 100
)

// freePorts finds n ports from first on that can be bound now.
func freePorts(first, n int) ([]int, error) {
	var free []int
	for port := first; port < first+portsForSlot && len(free) < n; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = l.Close()
		free = append(free, port)
	}
	if len(free) < n {
		return nil, fmt.Errorf("fewer than %d of the ports %d to %d are free on 127.0.0.1", n, first, first+portsForSlot-1)
	}
	return free, nil
}
