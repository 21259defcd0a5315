package compile

import (
	"fmt"
	"strconv"

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
		for name, value := range map[string]*int{
			"max_connections": breaker.MaxConnections, "max_pending_requests": breaker.MaxPendingRequests,
			"max_requests": breaker.MaxRequests, "max_retries": breaker.MaxRetries,
		} {
			if err := checkNotNegative(field+"."+name, value); err != nil {
				return err
			}
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
	for field, list := range map[string][]string{
		"cors.origins": cors.Origins, "cors.methods": cors.Methods, "cors.headers": cors.Headers, "cors.exposed_headers": cors.ExposedHeaders,
	} {
		for _, item := range list {
			if err := checkHeaderValue(field, item); err != nil {
				return err
			}
		}
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
	for field, value := range map[string]*int{
		"keepalive.probes": keepAlive.Probes, "keepalive.idle_time": keepAlive.IdleTime, "keepalive.interval": keepAlive.Interval,
	} {
		if err := checkNotNegative(field, value); err != nil {
			return err
		}
	}
	return nil
}

func checkHealthChecks(checks []v3alpha1.HealthCheck) error {
	for i, check := range checks {
		field := "health_checks[" + strconv.Itoa(i) + "]"
		if countTrue(check.HealthCheck.HTTP != nil, check.HealthCheck.GRPC != nil) != 1 {
			return fmt.Errorf("%s.health_check needs exactly one of http and grpc", field)
		}
		for name, text := range map[string]string{"timeout": check.Timeout, "interval": check.Interval} {
			if text == "" {
				continue
			}
			if d, err := parseDuration(field+"."+name, text); err != nil {
				return err
			} else if d == 0 {
				return fmt.Errorf("%s.%s: %q is not above zero", field, name, text)
			}
		}
		for name, n := range map[string]*int{"healthy_threshold": check.HealthyThreshold, "unhealthy_threshold": check.UnhealthyThreshold} {
			if err := checkNotNegative(field+"."+name, n); err != nil {
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
