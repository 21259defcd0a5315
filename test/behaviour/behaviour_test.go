// Package behaviour tests what a user of the gateway can observe: the controller on a folder of manifests,
// a real Envoy, requests, and what comes back. The cases are data, see package spec.
package behaviour

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terraform-provider-emissary/test/behaviour/runner"
	"terraform-provider-emissary/test/behaviour/spec"
	"terraform-provider-emissary/test/deps"
)

// givenCases is where a further set of cases may lie beside the checkout.
const givenCases = "../../../shared/data/cases"

// parallel is how many cases run at a time: each has an Envoy and a controller.
const parallel = 2

func TestMain(m *testing.M) {
	runner.Init()
	os.Exit(m.Run())
}

func TestCases(t *testing.T) {
	if testing.Short() {
		t.Skip("behaviour cases need Envoy")
	}
	envoy := deps.Envoy(t)
	options, notice, cleanup, err := runner.Prepare(t.Context(), envoy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cleanup)
	if notice != "" {
		t.Log(notice)
	}
	pending, err := spec.Pending("cases")
	if err != nil {
		t.Fatal(err)
	}
	slots := make(chan int, parallel)
	for slot := range parallel {
		slots <- slot
	}
	for set, root := range map[string]string{"own": "cases", "given": givenCases} {
		t.Run(set, func(t *testing.T) {
			if _, err := os.Stat(root); set == "given" && err != nil {
				t.Skipf("there are no further cases at %s", root)
			}
			dirs, err := spec.List(root)
			if err != nil {
				t.Fatal(err)
			}
			for _, dir := range dirs {
				t.Run(filepath.Base(dir), func(t *testing.T) {
					t.Parallel()
					slot := <-slots
					defer func() { slots <- slot }()
					judge(t, runner.RunCase(context.WithoutCancel(t.Context()), options, dir, slot), pending[filepath.Base(dir)])
				})
			}
		})
	}
}

// judge fails a case that does not hold, unless it is known to be pending; a pending case that holds must
// leave the list.
func judge(t *testing.T, result *runner.Result, pending string) {
	t.Helper()
	var report strings.Builder
	runner.Report(&report, result, false)
	switch {
	case result.Skipped != "":
		t.Skip(result.Skipped)
	case pending == "" && !result.Passed():
		t.Error(report.String())
	case pending != "" && result.Passed():
		t.Errorf("%s passes now: take it off cases/pending.yaml", result.Name)
	case pending != "":
		t.Skipf("pending: %s\n%s", pending, report.String())
	}
}
