package controller

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parse(variables map[string]string) (Environment, error) {
	return ParseEnvironment(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
}

func defaults() Environment {
	return Environment{
		AmbassadorID: "default", Namespace: "default",
		BindAddress: "0.0.0.0", HealthAddress: "0.0.0.0:8877", HealthNetwork: "tcp", HealthPort: 8877,
		ReadyPort: 8006, AdminPort: 8001, DrainTime: 600 * time.Second, RouteTableSize: 2048, LogLevel: "info",
		StatsdHost: "statsd-sink", StatsdPort: 8125, StatsdInterval: time.Second,
	}
}

func TestParseEnvironment(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		variables map[string]string
		change    func(*Environment)
	}{
		"nothing set":                    {change: func(*Environment) {}},
		"set to nothing counts as unset": {variables: map[string]string{"AMBASSADOR_ID": "", "AMBASSADOR_READY_PORT": ""}, change: func(*Environment) {}},
		"others' variables are left alone": {
			variables: map[string]string{"AMBASSADOR_FAST_RECONFIGURE": "perhaps", "PATH": "/bin"}, change: func(*Environment) {},
		},
		"identity": {
			variables: map[string]string{"AMBASSADOR_ID": "blue", "AMBASSADOR_NAMESPACE": "edge", "AMBASSADOR_SINGLE_NAMESPACE": "anything"},
			change: func(e *Environment) {
				e.AmbassadorID, e.Namespace, e.SingleNamespace, e.CertsSingleNamespace = "blue", "edge", true, true
			},
		},
		"certificates of one namespace": {
			variables: map[string]string{"AMBASSADOR_CERTS_SINGLE_NAMESPACE": "true"},
			change:    func(e *Environment) { e.CertsSingleNamespace = true },
		},
		"addresses": {
			variables: map[string]string{"AMBASSADOR_HEALTHCHECK_BIND_ADDRESS": "::1", "AMBASSADOR_HEALTHCHECK_BIND_PORT": "0", "AMBASSADOR_HEALTHCHECK_IP_FAMILY": "ipv6_only", "ENVOY_ADMIN_PORT": "0"},
			change: func(e *Environment) {
				e.HealthAddress, e.HealthPort, e.HealthNetwork, e.AdminPort = "[::1]:0", 0, "tcp6", 0
			},
		},
		"log level as the seed sets it": {variables: map[string]string{"AES_LOG_LEVEL": "error"}, change: func(e *Environment) { e.LogLevel = "error" }},
		"log level in other spellings":  {variables: map[string]string{"AES_LOG_LEVEL": "Warning"}, change: func(e *Environment) { e.LogLevel = "warn" }},
		"the newer log variable wins":   {variables: map[string]string{"AES_LOG_LEVEL": "info", "EMISSARY_LOG_LEVEL": "debug"}, change: func(e *Environment) { e.LogLevel = "debug" }},
		"seconds":                       {variables: map[string]string{"AMBASSADOR_DRAIN_TIME": "5"}, change: func(e *Environment) { e.DrainTime = 5 * time.Second }},
		"a duration":                    {variables: map[string]string{"AMBASSADOR_DRAIN_TIME": "1m30s"}, change: func(e *Environment) { e.DrainTime = 90 * time.Second }},
		"a table's size":                {variables: map[string]string{"EMISSARY_ROUTE_TABLE_SIZE": "20000"}, change: func(e *Environment) { e.RouteTableSize = 20000 }},
		"statsd": {
			variables: map[string]string{"STATSD_ENABLED": "True", "STATSD_HOST": "10.0.0.1", "DOGSTATSD": "1"},
			change:    func(e *Environment) { e.Statsd, e.StatsdHost, e.DogStatsd = true, "10.0.0.1", true },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(test.variables)
			if err != nil {
				t.Fatal(err)
			}
			want := defaults()
			test.change(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseEnvironmentErrorsNameVariableValueAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	wrong := map[string]struct{ value, allowed string }{
		"AMBASSADOR_READY_PORT":               {"eighty", "1 to 65535"},
		"AMBASSADOR_HEALTHCHECK_BIND_PORT":    {"70000", "65535"},
		"AMBASSADOR_HEALTHCHECK_BIND_ADDRESS": {"localhost", "IP address"},
		"AES_LOG_LEVEL":                       {"loud", "warn"},
		"TLS_MIN_VERSION":                     {"1.2", "v1.2"},
		"AMBASSADOR_DRAIN_TIME":               {"soon", "seconds"},
		"STATSD_ENABLED":                      {"ture", "true or false"},
	}
	variables := map[string]string{}
	for name, w := range wrong {
		variables[name] = w.value
	}
	_, err := parse(variables) // all of them at once
	if err == nil {
		t.Fatal("no error")
	}
	for name, w := range wrong {
		found := false
		for line := range strings.Lines(err.Error()) {
			found = found || strings.Contains(line, name) && strings.Contains(line, `"`+w.value+`"`) && strings.Contains(line, w.allowed)
		}
		if !found {
			t.Errorf("no line names %s, %q and %q:\n%v", name, w.value, w.allowed, err)
		}
	}
}
