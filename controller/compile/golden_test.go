package compile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGolden compiles every testdata/*.in.yaml and compares the configuration and the reports with *.out.yaml. Options
// are read from a first document of kind Options, if there is one.
func TestGolden(t *testing.T) {
	t.Parallel()
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no golden inputs: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, options := load(t, input)
			output := Compile(objects, options)
			validate(t, output)
			got := render(t, output)
			if again := render(t, Compile(objects, options)); !bytes.Equal(got, again) {
				t.Errorf("a second compilation differs:\n%s", cmp.Diff(string(got), string(again)))
			}
			golden := filepath.Join("testdata", name+".out.yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (run go test -update to write it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("configuration differs from %s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

// load reads a file of manifests into a store.
func load(t *testing.T, path string) (*store.Store, Options) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(data))
}

// parse reads manifests into a store.
func parse(t *testing.T, manifests string) (*store.Store, Options) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v3alpha1.AddToScheme, corev1.AddToScheme, discoveryv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme).UniversalDeserializer()
	options := Defaults()
	objects := store.New()
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(manifests)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, options
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		if bytes.Contains(document, []byte("kind: Options")) {
			var wrapper struct{ Spec Options }
			if err := yaml.Unmarshal(document, &wrapper); err != nil {
				t.Fatal(err)
			}
			options = wrapper.Spec
			continue
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, document)
		}
		meta := object.(metav1.Object)
		if meta.GetNamespace() == "" {
			meta.SetNamespace("default")
		}
		store.Trim(meta)
		objects.Upsert(meta)
	}
}

// validate checks every message against the constraints of its proto.
func validate(t *testing.T, output *Output) {
	t.Helper()
	for _, message := range messages(output) {
		validator, ok := message.(interface{ ValidateAll() error })
		if !ok {
			t.Fatalf("%T cannot be validated", message)
		}
		if err := validator.ValidateAll(); err != nil {
			t.Errorf("%T: %v", message, err)
		}
	}
}

// messages lists all resources of an output.
func messages(output *Output) []proto.Message {
	var list []proto.Message
	for _, m := range output.Clusters {
		list = append(list, m)
	}
	for _, m := range output.Endpoints {
		list = append(list, m)
	}
	for _, m := range output.Secrets {
		list = append(list, m)
	}
	for _, m := range output.Listeners {
		list = append(list, m)
	}
	for _, m := range output.Routes {
		list = append(list, m)
	}
	return list
}

// render shows an output as YAML: resources by type, then how every object fared.
func render(t *testing.T, output *Output) []byte {
	t.Helper()
	var out bytes.Buffer
	section := ""
	for _, message := range messages(output) {
		if name := string(message.ProtoReflect().Descriptor().Name()); name != section {
			section = name
			fmt.Fprintf(&out, "---\n# %s\n", section)
		}
		raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		text, err := yaml.JSONToYAML(compacted(t, raw))
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString("- " + strings.ReplaceAll(strings.TrimRight(string(text), "\n"), "\n", "\n  ") + "\n")
	}
	out.WriteString("---\n# Reports\n")
	var lines []string
	for ref, report := range output.Reports {
		line := ref.String() + ":"
		if len(report.Problems) == 0 {
			line += " ok"
		}
		for _, problem := range report.Problems {
			severity := "Error"
			if problem.Severity == Warning {
				severity = "Warning"
			}
			line += fmt.Sprintf("\n  - %s %s %s: %q", severity, problem.Condition, problem.Reason, problem.Message)
		}
		lines = append(lines, line+"\n")
	}
	slices.Sort(lines)
	out.WriteString(strings.Join(lines, ""))
	return out.Bytes()
}

// compacted normalises JSON and shortens inline certificates, which are not what goldens are about.
func compacted(t *testing.T, raw []byte) []byte {
	t.Helper()
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	shorten(value)
	short, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return short
}

func shorten(value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, child := range v {
			if name == "inline_bytes" {
				v[name] = fmt.Sprintf("(%d characters of base64)", len(child.(string)))
				continue
			}
			shorten(child)
		}
	case []any:
		for _, child := range v {
			shorten(child)
		}
	}
}

// connectionManagerOf unpacks the HTTP connection manager of a filter chain.
func connectionManagerOf(t *testing.T, chain *listenerv3.FilterChain) *hcmv3.HttpConnectionManager {
	t.Helper()
	manager := &hcmv3.HttpConnectionManager{}
	if err := chain.Filters[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	return manager
}
