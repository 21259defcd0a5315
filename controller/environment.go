package controller

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"terraform-provider-emissary/controller/compile"
)

// Environment is what the controller takes from environment variables, under the names Emissary uses. Variables that
// have no meaning here are left alone.
type Environment struct {
	// AmbassadorID names this instance (AMBASSADOR_ID, "default").
	AmbassadorID string
	// Namespace is the controller's own (AMBASSADOR_NAMESPACE, "default").
	Namespace string
	// SingleNamespace limits everything to Namespace (AMBASSADOR_SINGLE_NAMESPACE, any value).
	SingleNamespace bool
	// CertsSingleNamespace limits Secrets to Namespace (AMBASSADOR_CERTS_SINGLE_NAMESPACE, as SingleNamespace).
	CertsSingleNamespace bool
	// LabelSelector and FieldSelector apply to all watches (AMBASSADOR_LABEL_SELECTOR, AMBASSADOR_FIELD_SELECTOR).
	LabelSelector, FieldSelector string
	// LooseLabelSelectors brings back the selectors of Emissary before 3.2 (DISABLE_STRICT_LABEL_SELECTORS).
	LooseLabelSelectors bool
	// MinTLSVersion applies where no TLSContext sets one: "v1.0" to "v1.3" (TLS_MIN_VERSION; empty: Envoy's).
	MinTLSVersion string

	// BindAddress is what Listeners bind to (AMBASSADOR_ENVOY_BIND_ADDRESS, 0.0.0.0).
	BindAddress string
	// HealthAddress is where health checks and metrics are served (AMBASSADOR_HEALTHCHECK_BIND_ADDRESS and
	// AMBASSADOR_HEALTHCHECK_BIND_PORT, 0.0.0.0:8877). HealthNetwork is tcp, tcp4 or tcp6
	// (AMBASSADOR_HEALTHCHECK_IP_FAMILY: ANY, IPV4_ONLY, IPV6_ONLY).
	HealthAddress, HealthNetwork string
	// HealthPort is the port of HealthAddress.
	HealthPort int
	// ReadyPort is where Envoy answers /ready on loopback (AMBASSADOR_READY_PORT, 8006).
	ReadyPort int
	// AdminPort is Envoy's admin port on loopback; 0 takes a free one (ENVOY_ADMIN_PORT, 8001).
	AdminPort int
	// EnvoyCommand is the Envoy binary (ENVOY, "envoy" on PATH).
	EnvoyCommand string
	// EnvoyConcurrency is the number of Envoy's worker threads; 0: one for each CPU (ENVOY_CONCURRENCY).
	EnvoyConcurrency int
	// DrainTime bounds how long connections may go on when Envoy stops (AMBASSADOR_DRAIN_TIME, 600 seconds).
	DrainTime time.Duration
	// RouteTableSize is how many routes Envoy gets in one piece (EMISSARY_ROUTE_TABLE_SIZE, 2048): see
	// compile.Options.
	RouteTableSize int

	// LogLevel is trace, debug, info, warning or error (AES_LOG_LEVEL, EMISSARY_LOG_LEVEL; info).
	LogLevel string
	// JSONLogging writes the log as JSON (AMBASSADOR_JSON_LOGGING).
	JSONLogging bool
	// EnvoyDebug makes Envoy log at its debug level (AMBASSADOR_DEBUG containing "envoy").
	EnvoyDebug bool

	// Statsd sends Envoy's statistics to StatsdHost every StatsdInterval, as DogStatsD if DogStatsd is set
	// (STATSD_ENABLED, STATSD_HOST, STATSD_PORT, STATSD_FLUSH_INTERVAL, DOGSTATSD).
	Statsd, DogStatsd bool
	StatsdHost        string
	StatsdPort        int
	StatsdInterval    time.Duration
}

// ParseEnvironment reads the environment by lookup, usually os.LookupEnv. The error names every variable that has a
// value it cannot have. A variable that is set to nothing counts as not set.
func ParseEnvironment(lookup func(string) (string, bool)) (Environment, error) {
	v := variables{lookup: lookup}
	e := Environment{
		AmbassadorID:        v.text("AMBASSADOR_ID", "default"),
		Namespace:           v.text("AMBASSADOR_NAMESPACE", "default"),
		SingleNamespace:     v.text("AMBASSADOR_SINGLE_NAMESPACE", "") != "",
		LabelSelector:       v.text("AMBASSADOR_LABEL_SELECTOR", ""),
		FieldSelector:       v.text("AMBASSADOR_FIELD_SELECTOR", ""),
		LooseLabelSelectors: v.boolean("DISABLE_STRICT_LABEL_SELECTORS"),
		MinTLSVersion:       v.oneOf("TLS_MIN_VERSION", "", "v1.0", "v1.1", "v1.2", "v1.3"),
		BindAddress:         v.address("AMBASSADOR_ENVOY_BIND_ADDRESS", "0.0.0.0"),
		HealthPort:          v.number("AMBASSADOR_HEALTHCHECK_BIND_PORT", 8877, 0, 65535),
		ReadyPort:           v.number("AMBASSADOR_READY_PORT", 8006, 1, 65535),
		AdminPort:           v.number("ENVOY_ADMIN_PORT", 8001, 0, 65535),
		EnvoyCommand:        v.text("ENVOY", ""),
		EnvoyConcurrency:    v.number("ENVOY_CONCURRENCY", 0, 0, 1024),
		DrainTime:           v.seconds("AMBASSADOR_DRAIN_TIME", 600*time.Second),
		RouteTableSize:      v.number("EMISSARY_ROUTE_TABLE_SIZE", compile.Defaults().RouteTableSize, 1, 1<<20),
		JSONLogging:         v.boolean("AMBASSADOR_JSON_LOGGING"),
		EnvoyDebug:          strings.Contains(v.text("AMBASSADOR_DEBUG", ""), "envoy"),
		Statsd:              v.boolean("STATSD_ENABLED"),
		DogStatsd:           v.boolean("DOGSTATSD"),
		StatsdHost:          v.text("STATSD_HOST", "statsd-sink"),
		StatsdPort:          v.number("STATSD_PORT", 8125, 1, 65535),
		StatsdInterval:      v.seconds("STATSD_FLUSH_INTERVAL", time.Second),
	}
	e.CertsSingleNamespace = e.SingleNamespace || v.text("AMBASSADOR_CERTS_SINGLE_NAMESPACE", "") != ""
	e.HealthAddress = net.JoinHostPort(v.address("AMBASSADOR_HEALTHCHECK_BIND_ADDRESS", "0.0.0.0"), strconv.Itoa(e.HealthPort))
	e.HealthNetwork = map[string]string{"ANY": "tcp", "IPV4_ONLY": "tcp4", "IPV6_ONLY": "tcp6"}[v.oneOf("AMBASSADOR_HEALTHCHECK_IP_FAMILY", "ANY", "IPV4_ONLY", "IPV6_ONLY")]
	level := v.oneOf("EMISSARY_LOG_LEVEL", "", "trace", "debug", "info", "warn", "warning", "error")
	if level == "" {
		level = v.oneOf("AES_LOG_LEVEL", "info", "trace", "debug", "warn", "warning", "error")
	}
	e.LogLevel = strings.Replace(level, "warning", "warn", 1)
	return e, errors.Join(v.errs...)
}

// variables reads environment variables and collects what is wrong with them.
type variables struct {
	lookup func(string) (string, bool)
	errs   []error
}

func (v *variables) text(name, fallback string) string {
	if value, ok := v.lookup(name); ok && value != "" {
		return value
	}
	return fallback
}

func (v *variables) wrong(name, value, allowed string) {
	v.errs = append(v.errs, fmt.Errorf("environment variable %s is %q: %s is wanted", name, value, allowed))
}

// boolean reads true or false in the spellings Emissary takes; anything else is an error, so that a typo does not
// silently turn a setting off.
func (v *variables) boolean(name string) bool {
	value := v.text(name, "false")
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1", "t", "y":
		return true
	case "false", "no", "off", "0", "f", "n":
		return false
	}
	v.wrong(name, value, "true or false")
	return false
}

// oneOf reads one of a few words; the first one is the default.
func (v *variables) oneOf(name string, allowed ...string) string {
	value := v.text(name, allowed[0])
	for _, word := range allowed {
		if strings.EqualFold(value, word) {
			return word
		}
	}
	words := slices.DeleteFunc(slices.Clone(allowed), func(word string) bool { return word == "" })
	v.wrong(name, value, "one of "+strings.Join(words, ", "))
	return allowed[0]
}

func (v *variables) number(name string, fallback, least, most int) int {
	value := v.text(name, strconv.Itoa(fallback))
	number, err := strconv.Atoi(value)
	if err != nil || number < least || number > most {
		v.wrong(name, value, fmt.Sprintf("a whole number from %d to %d", least, most))
		return fallback
	}
	return number
}

// seconds reads a number of seconds, or a Go duration such as "90s" or "10m".
func (v *variables) seconds(name string, fallback time.Duration) time.Duration {
	value := v.text(name, "")
	if value == "" {
		return fallback
	}
	if number, err := strconv.ParseFloat(value, 64); err == nil && number >= 0 && number < 1e6 {
		return time.Duration(number * float64(time.Second))
	}
	if duration, err := time.ParseDuration(value); err == nil && duration >= 0 {
		return duration
	}
	v.wrong(name, value, `a number of seconds, or a duration such as "90s",`)
	return fallback
}

func (v *variables) address(name, fallback string) string {
	value := v.text(name, fallback)
	if net.ParseIP(value) == nil {
		v.wrong(name, value, "an IP address")
		return fallback
	}
	return value
}
