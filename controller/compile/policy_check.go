package compile

import (
	"fmt"
	"strconv"
	"strings"

	"terraform-provider-emissary/crds/v3alpha1"
)

// The policies below can stand in a Mapping and, as defaults, in the ambassador Module.

// checkLoadBalancer checks a load balancing policy: ring_hash and maglev need exactly one thing to hash on, the others
// take none.
func checkLoadBalancer(lb *v3alpha1.LoadBalancer) error {
	if lb == nil {
		return nil
	}
	if err := checkOneOf("load_balancer.policy", lb.Policy, "round_robin", "least_request", "ring_hash", "maglev"); err != nil {
		return err
	}
	keys := countTrue(lb.Cookie != nil, lb.Header != "", lb.SourceIP != nil)
	switch hashed := lb.Policy == "ring_hash" || lb.Policy == "maglev"; {
	case hashed && keys != 1:
		return fmt.Errorf("load_balancer: %s needs exactly one of cookie, header and source_ip", lb.Policy)
	case !hashed && keys != 0:
		return fmt.Errorf("load_balancer: %s takes none of cookie, header and source_ip", lb.Policy)
	}
	if lb.Cookie != nil {
		if lb.Cookie.Name == "" {
			return fmt.Errorf("load_balancer.cookie.name is required")
		}
		if lb.Cookie.TTL != "" {
			if _, err := parseDuration("load_balancer.cookie.ttl", lb.Cookie.TTL); err != nil {
				return err
			}
		}
		if err := checkHeaderValue("load_balancer.cookie", lb.Cookie.Name+lb.Cookie.Path); err != nil {
			return err
		}
	}
	if lb.Header != "" {
		return checkHeaderName("load_balancer.header", lb.Header)
	}
	return nil
}

func checkCircuitBreakers(breakers []v3alpha1.CircuitBreaker) error {
	for i, breaker := range breakers {
		field := "circuit_breakers[" + strconv.Itoa(i) + "]"
		if breaker.Priority != "" {
			if err := checkOneOf(field+".priority", breaker.Priority, "default", "high"); err != nil {
				return err
			}
		}
		if err := firstError(
			checkNotNegative(field+".max_connections", breaker.MaxConnections),
			checkNotNegative(field+".max_pending_requests", breaker.MaxPendingRequests),
			checkNotNegative(field+".max_requests", breaker.MaxRequests),
			checkNotNegative(field+".max_retries", breaker.MaxRetries),
		); err != nil {
			return err
		}
	}
	return nil
}

func checkRetryPolicy(retry *v3alpha1.RetryPolicy) error {
	if retry == nil {
		return nil
	}
	if retry.RetryOn == "" {
		return fmt.Errorf("retry_policy.retry_on is required: say what to retry on, such as 5xx")
	}
	if err := checkOneOf("retry_policy.retry_on", retry.RetryOn, "5xx", "gateway-error", "connect-failure", "retriable-4xx",
		"refused-stream", "retriable-status-codes"); err != nil {
		return err
	}
	if retry.PerTryTimeout != "" {
		if _, err := parseDuration("retry_policy.per_try_timeout", retry.PerTryTimeout); err != nil {
			return err
		}
	}
	return checkNotNegative("retry_policy.num_retries", retry.NumRetries)
}

func checkCORS(cors *v3alpha1.CORS) error {
	if cors == nil {
		return nil
	}
	if err := firstError(
		checkHeaderValue("cors.origins", strings.Join(cors.Origins, ",")),
		checkHeaderValue("cors.methods", strings.Join(cors.Methods, ",")),
		checkHeaderValue("cors.headers", strings.Join(cors.Headers, ",")),
		checkHeaderValue("cors.exposed_headers", strings.Join(cors.ExposedHeaders, ",")),
	); err != nil {
		return err
	}
	if cors.MaxAge != "" {
		if _, err := strconv.ParseUint(cors.MaxAge, 10, 32); err != nil {
			return fmt.Errorf("cors.max_age: %q is not a number of seconds", cors.MaxAge)
		}
	}
	return nil
}

func checkKeepAlive(keepAlive *v3alpha1.KeepAlive) error {
	if keepAlive == nil {
		return nil
	}
	return firstError(
		checkNotNegative("keepalive.probes", keepAlive.Probes),
		checkNotNegative("keepalive.idle_time", keepAlive.IdleTime),
		checkNotNegative("keepalive.interval", keepAlive.Interval),
	)
}

func checkHealthChecks(checks []v3alpha1.HealthCheck) error {
	for i, check := range checks {
		field := "health_checks[" + strconv.Itoa(i) + "]"
		if countTrue(check.HealthCheck.HTTP != nil, check.HealthCheck.GRPC != nil) != 1 {
			return fmt.Errorf("%s.health_check needs exactly one of http and grpc", field)
		}
		if err := firstError(
			checkPeriod(field+".timeout", check.Timeout),
			checkPeriod(field+".interval", check.Interval),
			checkNotNegative(field+".healthy_threshold", check.HealthyThreshold),
			checkNotNegative(field+".unhealthy_threshold", check.UnhealthyThreshold),
		); err != nil {
			return err
		}
		if grpc := check.HealthCheck.GRPC; grpc != nil {
			if err := firstError(
				checkHeaderValue(field+".health_check.grpc.authority", grpc.Authority),
				checkHeaderValue(field+".health_check.grpc.upstream_name", grpc.UpstreamName),
			); err != nil {
				return err
			}
		}
		if http := check.HealthCheck.HTTP; http != nil {
			if err := checkHTTPHealthCheck(field+".health_check.http", http); err != nil {
				return err
			}
		}
	}
	return nil
}

// overGRPC tells health checks that Envoy makes over HTTP/2.
func overGRPC(check v3alpha1.HealthCheck) bool { return check.HealthCheck.GRPC != nil }

func checkHTTPHealthCheck(field string, check *v3alpha1.HTTPHealthCheck) error {
	if check.Path == "" {
		return fmt.Errorf("%s.path is required", field)
	}
	if err := checkHeaderValue(field, check.Path+check.Hostname); err != nil {
		return err
	}
	if err := checkAddedHeaders(field+".add_request_headers", check.AddRequestHeaders); err != nil {
		return err
	}
	if err := checkRemovedHeaders(field+".remove_request_headers", check.RemoveRequestHeaders); err != nil {
		return err
	}
	for _, statuses := range check.ExpectedStatuses {
		if statuses.Min < 100 || statuses.Max > 599 || statuses.Min > statuses.Max {
			return fmt.Errorf("%s.expected_statuses: %d to %d is no range within 100 to 599", field, statuses.Min, statuses.Max)
		}
	}
	return nil
}
