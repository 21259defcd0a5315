package compile

import (
	"fmt"
	"slices"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Severity tells whether a Problem keeps its condition from being true.
type Severity int

const (
	// Error makes the condition false.
	Error Severity = iota
	// Warning leaves the condition true: the object works, but not all it says is used.
	Warning
)

// Reasons of problems, in the CamelCase that conditions want.
const (
	// ReasonInvalid: a field of the object has a value that cannot be used.
	ReasonInvalid = "Invalid"
	// ReasonIgnored: a field is accepted and has no effect.
	ReasonIgnored = "Ignored"
	// ReasonConflict: another object took what this one wants (a port, a hostname, a route group), or disagrees with it.
	ReasonConflict = "Conflict"
	// ReasonNotImplemented: the object asks for something this version does not do.
	ReasonNotImplemented = "NotImplemented"
	// ReasonSecretNotFound: a Secret that is named does not exist or may not be read.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonInvalidSecret: a Secret exists and does not hold what is needed.
	ReasonInvalidSecret = "InvalidSecret"
	// ReasonTLSContextNotFound: a TLSContext that is named does not exist.
	ReasonTLSContextNotFound = "TLSContextNotFound"
	// ReasonResolverNotFound: a resolver that is named does not exist.
	ReasonResolverNotFound = "ResolverNotFound"
	// ReasonServiceNotFound: the service is no known Kubernetes Service; its name is left to DNS.
	ReasonServiceNotFound = "ServiceNotFound"
	// ReasonPortNotFound: the Service exists and has no such port.
	ReasonPortNotFound = "PortNotFound"
	// ReasonNoMatchingHost: no Host serves this Mapping or Listener.
	ReasonNoMatchingHost = "NoMatchingHost"
	// ReasonNoListener: no Listener serves this Host.
	ReasonNoListener = "NoListener"
)

// Problem is one thing that is wrong with an object.
type Problem struct {
	// Condition it belongs to: Accepted, ResolvedRefs or Programmed.
	Condition string
	// Reason is one of the Reason constants.
	Reason string
	// Message is for people: what is wrong, and what to do.
	Message  string
	Severity Severity
}

// Report says how one object fared.
type Report struct {
	// Generation of the object that was compiled.
	Generation int64
	// Problems in the order they were found.
	Problems []Problem
	// Resources made from the object.
	Resources []ResourceID
}

// refuse notes that an object cannot be used as it is (Accepted=False).
func (r *Report) refuse(reason, format string, args ...any) {
	r.add(v3alpha1.ConditionAccepted, Error, reason, format, args...)
}

// warn notes that part of an object has no effect (Accepted stays true).
func (r *Report) warn(reason, format string, args ...any) {
	r.add(v3alpha1.ConditionAccepted, Warning, reason, format, args...)
}

// unresolved notes that something the object names is missing (ResolvedRefs=False).
func (r *Report) unresolved(reason, format string, args ...any) {
	r.add(v3alpha1.ConditionResolvedRefs, Error, reason, format, args...)
}

// unserved notes that Envoy serves nothing, or not what was asked for, because of a state outside of the object
// (Programmed=False).
func (r *Report) unserved(reason, format string, args ...any) {
	r.add(v3alpha1.ConditionProgrammed, Error, reason, format, args...)
}

// missing notes a missing reference without which the object cannot be served: ResolvedRefs and Programmed are false.
func (r *Report) missing(reason, format string, args ...any) {
	r.unresolved(reason, format, args...)
	r.unserved(reason, format, args...)
}

// add notes a problem once. Objects that nobody wrote, such as the probes' Mappings, have no report: r is nil.
func (r *Report) add(condition string, severity Severity, reason, format string, args ...any) {
	if r == nil {
		return
	}
	problem := Problem{Condition: condition, Reason: reason, Message: fmt.Sprintf(format, args...), Severity: severity}
	if !slices.Contains(r.Problems, problem) {
		r.Problems = append(r.Problems, problem)
	}
}

// fewResources is room for what most objects have a part in.
const fewResources = 2

// uses notes that a resource was made from the object.
func (r *Report) uses(id ResourceID) {
	if r == nil || slices.Contains(r.Resources, id) {
		return
	}
	if r.Resources == nil {
		r.Resources = make([]ResourceID, 0, fewResources)
	}
	r.Resources = append(r.Resources, id)
}

// ledger holds the reports of one compilation; nil for an object that has none. Hosts and Mappings, of which there are
// many, know their own.
type ledger map[store.Ref]*Report

// open starts the report of an object.
func (l ledger) open(obj v3alpha1.Object) (store.Ref, *Report) {
	ref, report := store.RefOf(obj), newReport(obj)
	l[ref] = report
	return ref, report
}

func newReport(obj v3alpha1.Object) *Report { return &Report{Generation: obj.GetGeneration()} }
