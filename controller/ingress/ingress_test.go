package ingress_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/ingress"
)

var update = flag.Bool("update", false, "write the golden files")

// ports knows one named port, web.
func ports(service, name string) (int32, error) {
	if service == "shop" && name == "web" {
		return 8888, nil
	}
	return 0, errors.New("no such port")
}

// Each testdata/<name>.in.yaml is an Ingress; the .out.yaml beside it is what it means.
func TestTranslate(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			object := &networkingv1.Ingress{}
			if err := yaml.UnmarshalStrict(data, object); err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".in.yaml") + ".out.yaml"
			got := render(t, ingress.Translate(object, ports))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the translation changed (-want +got); go test ./controller/ingress -update accepts it:\n%s", diff)
			}
		})
	}
}

// render writes objects as YAML documents, a faulty one as the name it would have and its error.
func render(t *testing.T, objects []ingress.Object) string {
	t.Helper()
	var text strings.Builder
	for _, object := range objects {
		text.WriteString("---\n")
		if object.Err != nil {
			text.WriteString("# " + object.Object.GetName() + ": " + object.Err.Error() + "\n")
			continue
		}
		raw, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			if line != "status: {}\n" {
				text.WriteString(line)
			}
		}
	}
	return text.String()
}

func TestWanted(t *testing.T) {
	t.Parallel()
	ours := func(class string) bool { return class == "edge" }
	tests := map[string]struct {
		annotations map[string]string
		class       string
		instance    string
		want        bool
	}{
		"no class":              {},
		"annotation":            {annotations: map[string]string{"kubernetes.io/ingress.class": "ambassador"}, want: true},
		"annotation, any case":  {annotations: map[string]string{"kubernetes.io/ingress.class": "AmbassaDor"}, want: true},
		"annotation, emissary":  {annotations: map[string]string{"kubernetes.io/ingress.class": "Emissary"}, want: true},
		"another's annotation":  {annotations: map[string]string{"kubernetes.io/ingress.class": "nginx"}},
		"class of ours":         {class: "edge", want: true},
		"class of another":      {class: "nginx"},
		"class that is no name": {class: "ambassador"},
		"another instance":      {annotations: map[string]string{"kubernetes.io/ingress.class": "ambassador", "getambassador.io/ambassador-id": "blue"}},
		"this instance":         {annotations: map[string]string{"kubernetes.io/ingress.class": "ambassador", "getambassador.io/ambassador-id": "blue"}, instance: "blue", want: true},
		"no instance for blue":  {class: "edge", instance: "blue"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Annotations: test.annotations}}
			if test.class != "" {
				object.Spec.IngressClassName = &test.class
			}
			instance := test.instance
			if instance == "" {
				instance = "default"
			}
			if got := ingress.Wanted(object, instance, ours); got != test.want {
				t.Errorf("Wanted = %v", got)
			}
		})
	}
}

func TestIsOurs(t *testing.T) {
	t.Parallel()
	class := func(controller, id string) *networkingv1.IngressClass {
		c := &networkingv1.IngressClass{Spec: networkingv1.IngressClassSpec{Controller: controller}}
		if id != "" {
			c.Annotations = map[string]string{"getambassador.io/ambassador-id": id}
		}
		return c
	}
	for name, test := range map[string]struct {
		class *networkingv1.IngressClass
		want  bool
	}{
		"ours":             {class(ingress.Controller, ""), true},
		"in capitals":      {class("GetAmbassador.io/Ingress-Controller", ""), true},
		"another's":        {class("example.com/other", ""), false},
		"another instance": {class(ingress.Controller, "blue"), false},
	} {
		if got := ingress.IsOurs(test.class, "default"); got != test.want {
			t.Errorf("%s: IsOurs = %v", name, got)
		}
	}
}

func TestNamesPorts(t *testing.T) {
	t.Parallel()
	backend := func(port networkingv1.ServiceBackendPort) networkingv1.IngressBackend {
		return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "s", Port: port}}
	}
	named, numbered := backend(networkingv1.ServiceBackendPort{Name: "web"}), backend(networkingv1.ServiceBackendPort{Number: 80})
	rules := func(backend networkingv1.IngressBackend) []networkingv1.IngressRule {
		return []networkingv1.IngressRule{{Host: "empty.example"}, {IngressRuleValue: networkingv1.IngressRuleValue{
			HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Backend: backend}}},
		}}}
	}
	for name, test := range map[string]struct {
		spec networkingv1.IngressSpec
		want bool
	}{
		"nothing":               {networkingv1.IngressSpec{}, false},
		"named by default":      {networkingv1.IngressSpec{DefaultBackend: &named}, true},
		"numbered by default":   {networkingv1.IngressSpec{DefaultBackend: &numbered}, false},
		"named in a rule":       {networkingv1.IngressSpec{Rules: rules(named)}, true},
		"numbered in the rules": {networkingv1.IngressSpec{Rules: rules(numbered)}, false},
	} {
		if got := ingress.NamesPorts(&networkingv1.Ingress{Spec: test.spec}); got != test.want {
			t.Errorf("%s: NamesPorts = %v", name, got)
		}
	}
}
