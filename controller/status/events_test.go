package status_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/crds/v3alpha1"
)

// TestEventsAreTransitions follows one Mapping. Only what starts, stops or changes the reason of a failure is an Event.
func TestEventsAreTransitions(t *testing.T) {
	t.Parallel()
	server := newMemory(1)
	writer, _, events, end := server.controller(t)
	programmed := func(generation int64, reason, message string) status.Update {
		update := served("m0", generation)
		update.Programmed = status.Verdict{Reason: reason, Message: message}
		return update
	}
	invalid := served("m0", 6)
	invalid.Accepted = status.Verdict{Reason: "Invalid", Message: strings.Repeat("é", 2000)}
	invalid.Programmed = invalid.Accepted
	steps := []struct {
		what   string
		update status.Update
		event  string // empty: none
	}{
		{"a first success", served("m0", 1), ""},
		{"a failure", programmed(1, "NoMatchingHost", "no Host"), "Warning NoMatchingHost no Host"},
		{"the same with other words", programmed(1, "NoMatchingHost", "no Host at all"), ""},
		{"the same of a new generation", programmed(2, "NoMatchingHost", "no Host"), ""},
		{"another failure", programmed(2, "NoListener", "no Listener"), "Warning NoListener no Listener"},
		{"waiting for Envoy", programmed(3, v3alpha1.ReasonPending, "not yet"), ""},
		{"the same failure after waiting", programmed(3, "NoListener", "no Listener"), ""},
		{"waiting for Envoy again", programmed(4, v3alpha1.ReasonPending, "not yet"), ""},
		{"a success", served("m0", 4), "Normal Programmed served by Envoy again"},
		{"another success", served("m0", 5), ""},
		{"two conditions that fail for one reason", invalid, "Warning Invalid " + strings.Repeat("é", 500) + "…"},
	}
	var want []string
	for i, step := range steps {
		writer.Report(step.update)
		server.until(t, i+1)
		if step.event != "" {
			want = append(want, step.event)
		}
	}
	end()
	var got []string
	for len(events.Events) > 0 {
		got = append(got, <-events.Events)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
