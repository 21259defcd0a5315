package runner

import (
	"context"
	"regexp"
	"strings"
	"time"

	"terraform-provider-emissary/test/behaviour/probe"
)

// checkRejected waits until an object is reported as bad: by the diagnostics page, or by a warning in the
// log, which is where status goes in folder mode.
func (s *session) checkRejected(ctx context.Context, resource string) []probe.Failure {
	object := s.object(resource)
	ctx, cancel := context.WithTimeout(ctx, laterTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if s.reported(ctx, object) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return []probe.Failure{{
				Key: "rejected_resource", Got: "no report", Want: object + " in the diagnostics or in a warning of the log",
			}}
		}
	}
}

// object turns "Kind/name" or "Kind/name.namespace" into "Kind namespace/name", as the controller writes it.
func (s *session) object(resource string) string {
	kind, name, _ := strings.Cut(resource, "/")
	name, namespace, qualified := strings.Cut(name, ".")
	if !qualified {
		namespace = s.namespace
	}
	return kind + " " + namespace + "/" + name
}

func (s *session) reported(ctx context.Context, object string) bool {
	if d, err := s.controller.diagnostics(ctx); err == nil {
		for _, problem := range d.Problems {
			if problem.Object == object {
				return true
			}
		}
	}
	named := regexp.MustCompile(`\b` + regexp.QuoteMeta(object) + `($|[^\w.-])`)
	for line := range strings.Lines(s.controller.log()) {
		if warning.MatchString(line) && named.MatchString(line) {
			return true
		}
	}
	return false
}

// warning marks log lines that report something, in text and in JSON.
var warning = regexp.MustCompile(`level"?[=:]"?(WARN|ERROR)`)
