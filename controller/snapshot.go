package controller

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Snapshot is what the diagnostics page shows: the configuration published last, and what is wrong with its objects.
// Values of Secrets are not in it.
type Snapshot struct {
	// Revision counts published configurations; Time is when this one was.
	Revision uint64    `json:"revision"`
	Time     time.Time `json:"time"`
	// Objects counts the getambassador.io objects of this instance, Resources what was made of them for Envoy.
	Objects   map[string]int `json:"objects"`
	Resources map[string]int `json:"resources"`
	// Problems lists what is wrong, by object.
	Problems []ObjectProblems `json:"problems"`
}

// ObjectProblems is what is wrong with one object.
type ObjectProblems struct {
	Object     string    `json:"object"` // "Mapping default/quote"
	Generation int64     `json:"generation"`
	Problems   []Problem `json:"problems"`
}

// Problem is one thing that is wrong.
type Problem struct {
	Severity  string `json:"severity"` // error or warning
	Condition string `json:"condition"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
}

// published is what became of the objects of this instance.
type published struct {
	revision uint64
	at       time.Time
	reports  map[store.Ref]*compile.Report
	kinds    map[string]int
	problems map[compile.Severity]int
}

func newPublished() published {
	return published{reports: map[store.Ref]*compile.Report{}, kinds: map[string]int{}, problems: map[compile.Severity]int{}}
}

// take brings it up to date with changed reports; nil is one of an object that is gone.
func (p *published) take(changed map[store.Ref]*compile.Report) {
	for ref, report := range changed {
		p.count(ref, p.reports[ref], -1)
		p.count(ref, report, 1)
		if p.reports[ref] = report; report == nil {
			delete(p.reports, ref)
		}
	}
}

func (p *published) count(ref store.Ref, report *compile.Report, by int) {
	if report == nil {
		return
	}
	p.kinds[ref.Kind] += by
	for _, problem := range report.Problems {
		p.problems[problem.Severity] += by
	}
}

// ask has the loop's goroutine run a function between two passes. It fails when the loop does not get to it in time.
func (l *loop) ask(ctx context.Context, question func()) error {
	done := make(chan struct{})
	select {
	case l.questions <- func() { question(); close(done) }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// snapshot shows what was published last. It belongs to the loop's goroutine.
func (l *loop) snapshot() *Snapshot {
	snapshot := &Snapshot{
		Revision: l.published.revision,
		Time:     l.published.at.UTC(),
		Objects:  maps.Clone(l.published.kinds),
		Problems: Problems(l.published.reports, l.notInForce()),
	}
	if l.compiler != nil {
		snapshot.Resources = l.compiler.Counts()
	}
	return snapshot
}

// Problems lists what is wrong with any object, ordered by object.
func Problems(reports map[store.Ref]*compile.Report, rejections map[store.Ref]status.Rejected) []ObjectProblems {
	list := []ObjectProblems{}
	refs := slices.Collect(maps.Keys(reports))
	for ref := range rejections {
		if _, also := reports[ref]; !also {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b store.Ref) int { return strings.Compare(a.String(), b.String()) })
	for _, ref := range refs {
		entry := ObjectProblems{Object: ref.String()}
		rejection, rejected := rejections[ref]
		if report := reports[ref]; report != nil && (!rejected || rejection.Generation != report.Generation) {
			entry.Generation = report.Generation
			for _, problem := range report.Problems {
				severity := "error"
				if problem.Severity == compile.Warning {
					severity = "warning"
				}
				entry.Problems = append(entry.Problems, Problem{Severity: severity, Condition: problem.Condition, Reason: problem.Reason, Message: problem.Message})
			}
		}
		if rejected {
			entry.Generation = rejection.Generation
			problem := Problem{Severity: "error", Condition: v3alpha1.ConditionAccepted, Reason: compile.ReasonInvalid, Message: rejection.Message}
			if rejection.ByEnvoy {
				problem.Condition, problem.Reason = v3alpha1.ConditionProgrammed, status.ReasonRejectedByEnvoy
			}
			entry.Problems = append(entry.Problems, problem)
		}
		if len(entry.Problems) > 0 {
			list = append(list, entry)
		}
	}
	return list
}

// diagnosticsPublic reports whether the Module lets others than this machine see the diagnostics: by a route to them
// (diagnostics.enabled, which is off where diagnostics says nothing of it, and on without diagnostics) or by themselves
// (allow_non_local).
func diagnosticsPublic(s *store.Store, ambassadorID string) bool {
	var config struct {
		Diagnostics *struct {
			Enabled       bool `json:"enabled"`
			AllowNonLocal bool `json:"allow_non_local"`
		} `json:"diagnostics"`
	}
	for _, module := range s.Modules() {
		if module.Name != "ambassador" || !module.Spec.AmbassadorID.IsMember(ambassadorID) {
			continue
		}
		if err := json.Unmarshal(module.Spec.Config.Raw, &config); err != nil {
			return false // the compiler reports it; until it is mended nobody else sees anything
		}
		break
	}
	page := config.Diagnostics
	return page == nil || page.Enabled || page.AllowNonLocal
}
