package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"terraform-provider-emissary/test/behaviour/isolation"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
	"terraform-provider-emissary/test/deps"
)

// TestMain is the bench command where the benchmarks start themselves again.
func TestMain(m *testing.M) {
	isolation.Init()
	if os.Getenv(insideVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestBenchmarksWork measures everything with a handful of Mappings, so that the benchmarks still work when somebody
// needs them. What they measure then means nothing.
func TestBenchmarksWork(t *testing.T) {
	t.Parallel()
	deps.Kubernetes(t)
	deps.Envoy(t)
	if _, err := testbed.Binary(); err != nil {
		t.Skip(err)
	}
	if mode, err := isolation.Detect(t.Context()); mode != isolation.Namespaces {
		t.Skipf("this machine has no namespaces to give: %v", err)
	}
	out := t.TempDir()
	child, err := isolation.Child(t.Context(), isolation.Namespaces, insideVariable+"=1")
	if err != nil {
		t.Fatal(err)
	}
	child.Args = append(child.Args, "-quick", "-scenario", "apply,memory,status,throughput,footprints,provider", "-out", out)
	if output, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}

	content, err := os.ReadFile(filepath.Join(out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var results report.Results
	if err := json.Unmarshal(content, &results); err != nil {
		t.Fatal(err)
	}
	if len(results.Apply) != 2 {
		t.Errorf("apply to a cluster and to a folder: %+v", results.Apply)
	}
	for _, a := range results.Apply {
		if len(a.FromSent.Samples) != 3 || a.FromSent.P50 <= 0 {
			t.Errorf("apply: %+v", a)
		}
	}
	if len(results.Status) != 1 || results.Status[0].Writes < results.Status[0].Changes {
		t.Errorf("every change writes a status, and there is %+v", results.Status)
	}
	if len(results.Memory) != 1 || results.Memory[0].ControllerResident == 0 || results.Memory[0].EnvoyAllocated == 0 {
		t.Errorf("memory: %+v", results.Memory)
	}
	if len(results.Throughput) != 2 || results.Throughput[0].Share <= 0 || results.Throughput[1].Share <= 0 {
		t.Errorf("throughput: %+v", results.Throughput)
	}
	if len(results.Footprints) < 10 || results.Footprints[0].Bytes == 0 {
		t.Errorf("footprints: %+v", results.Footprints)
	}
	var provider report.Provider
	if content, err = os.ReadFile(filepath.Join(out, "provider.json")); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &provider); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{report.OpPlan, report.OpApply, report.OpRefresh, report.OpStart} {
		engine := provider.Engines[0]
		if what == report.OpStart {
			engine = ""
		}
		if o := provider.Operation(what, report.WithProvider, engine); o == nil || o.WallMedian() <= 0 || o.CPUMedian() <= 0 {
			t.Errorf("%s: %+v", what, o)
		}
	}
	if page, err := os.ReadFile(filepath.Join(out, "README.md")); err != nil || !bytes.Contains(page, []byte("apply.svg")) {
		t.Errorf("README.md: %v\n%s", err, page)
	}
}
