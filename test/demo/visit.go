package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// host is what a visitor types; every request goes to Envoy on loopback.
const host = "dev.wadexu.cloud"

var (
	mappings = schema.GroupVersionResource{Group: "getambassador.io", Version: "v3alpha1", Resource: "mappings"}
	crds     = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

// visit asks as a browser does, with and without TLS, and as an old client.
func (d *demo) visit(ctx context.Context) error {
	chapter("A visitor")
	if err := step("curl https://"+host+"/hello = 200", func() (string, error) {
		return d.get(ctx, "https", http.StatusOK, "You asked for /hello")
	}); err != nil {
		return err
	}
	if err := step("curl http://"+host+"/hello = 301", func() (string, error) {
		return d.get(ctx, "http", http.StatusMovedPermanently, "https://"+host+"/hello")
	}); err != nil {
		return err
	}
	return step("curl --tls-max 1.1 https://"+host+" is refused", func() (string, error) {
		_, err := d.request(ctx, "https", tls.VersionTLS11)
		if err == nil {
			return "", errors.New("TLS 1.1 was accepted, but min_tls_version is v1.2")
		}
		if !strings.Contains(err.Error(), "protocol version") {
			return "", fmt.Errorf("refused, but not for its protocol version: %w", err)
		}
		return "remote error: tls: protocol version not supported", nil
	})
}

// change lives with the installation: nothing to do, an edit, a drift.
func (d *demo) change(ctx context.Context) error {
	chapter("A week later")
	tool := d.terraform.name()
	if err := step(tool+" plan = no changes", func() (string, error) {
		output, changed, err := d.terraform.changes(ctx)
		if err == nil && changed {
			err = fmt.Errorf("the plan is not empty:\n%s", output)
		}
		return "", err
	}); err != nil {
		return err
	}
	if err := step(`rewrite = "/v2/" added to the Mapping, applied and served`, func() (string, error) {
		if err := d.editMapping(); err != nil {
			return "", err
		}
		if _, err := d.terraform.run(ctx, "apply", "-input=false", "-auto-approve"); err != nil {
			return "", err
		}
		// No wait in between: applied means served.
		return d.get(ctx, "https", http.StatusOK, "You asked for /v2/hello")
	}); err != nil {
		return err
	}
	if err := step("somebody edits the Mapping by hand: plan shows it", func() (string, error) {
		if err := d.drift(ctx); err != nil {
			return "", err
		}
		output, changed, err := d.terraform.changes(ctx)
		if err == nil && (!changed || !strings.Contains(output, "/oops/")) {
			err = fmt.Errorf("the plan does not show the edit:\n%s", output)
		}
		return lineWith(output, "/oops/"), err
	}); err != nil {
		return err
	}
	return step(tool+" apply repairs it", func() (string, error) {
		if _, err := d.terraform.run(ctx, "apply", "-input=false", "-auto-approve"); err != nil {
			return "", err
		}
		return d.get(ctx, "https", http.StatusOK, "You asked for /v2/hello")
	})
}

// get asks for /hello and checks the answer: its status, and that its body or
// Location holds the text.
func (d *demo) get(ctx context.Context, scheme string, status int, text string) (note string, err error) {
	answer, err := d.request(ctx, scheme, 0)
	if err != nil {
		return "", err
	}
	if answer.status != status || !strings.Contains(answer.text, text) {
		return "", fmt.Errorf("got %d %q, want %d and %q", answer.status, answer.text, status, text)
	}
	return fmt.Sprintf("%d %s", answer.status, answer.text), nil
}

type answer struct {
	status int
	text   string
}

// request sends one GET to Envoy. maxVersion limits TLS, 0 does not.
func (d *demo) request(ctx context.Context, scheme string, maxVersion uint16) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	port := d.httpPort
	if scheme == "https" {
		port = d.httpsPort
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		//nolint:gosec // an old client is what one of the steps plays
		TLSClientConfig: &tls.Config{RootCAs: d.authority.pool, MinVersion: tls.VersionTLS10, MaxVersion: maxVersion},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
		},
	}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+host+"/hello", nil)
	if err != nil {
		return answer{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if location := response.Header.Get("Location"); location != "" {
		return answer{response.StatusCode, location}, err
	}
	return answer{response.StatusCode, string(body)}, err
}

// editMapping is the user's editor: one more line in the configuration.
func (d *demo) editMapping() error {
	files, err := filepath.Glob(filepath.Join(d.terraform.dir, "*.tf"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		before, after, found := strings.Cut(string(content), "  prefix ")
		if found {
			return os.WriteFile(file, []byte(before+"  rewrite = \"/v2/\"\n  prefix "+after), 0o644)
		}
	}
	return fmt.Errorf("no file in %s has a Mapping's prefix to edit", d.terraform.dir)
}

// drift is a colleague with kubectl edit.
func (d *demo) drift(ctx context.Context) error {
	list, err := d.objects.Resource(mappings).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, mapping := range list.Items {
		if mapping.GetName() != "my-nginx-mapping" {
			continue
		}
		patch := []byte(`{"spec":{"rewrite":"/oops/"}}`)
		_, err := d.objects.Resource(mappings).Namespace(mapping.GetNamespace()).Patch(ctx, mapping.GetName(),
			types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kubectl-edit"})
		return err
	}
	return errors.New("the Mapping my-nginx-mapping is not in the cluster")
}

// leftovers fails when destroy left anything of the installation but its CRDs.
func (d *demo) leftovers(ctx context.Context) (note string, err error) {
	var left []string
	selector := metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=emissary-ingress"}
	for _, resource := range []schema.GroupVersionResource{
		{Group: "apps", Version: "v1", Resource: "deployments"},
		{Version: "v1", Resource: "services"},
		{Version: "v1", Resource: "serviceaccounts"},
		{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
		{Group: "networking.k8s.io", Version: "v1", Resource: "ingressclasses"},
	} {
		list, err := d.objects.Resource(resource).List(ctx, selector)
		if err != nil {
			return "", err
		}
		for _, object := range list.Items {
			left = append(left, fmt.Sprintf("%s %s/%s", resource.Resource, object.GetNamespace(), object.GetName()))
		}
	}
	definitions, err := d.objects.Resource(crds).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	kept := 0
	for _, definition := range definitions.Items {
		group, plural := field(definition.Object, "spec", "group"), field(definition.Object, "spec", "names", "plural")
		if group != mappings.Group {
			continue
		}
		kept++
		objects, err := d.objects.Resource(mappings.GroupVersion().WithResource(plural)).List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", err
		}
		for _, object := range objects.Items {
			left = append(left, fmt.Sprintf("%s %s/%s", plural, object.GetNamespace(), object.GetName()))
		}
	}
	if _, err := d.client.CoreV1().Namespaces().Get(ctx, "emissary", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		left = append(left, "namespace emissary")
	}
	if len(left) > 0 {
		return "", fmt.Errorf("destroy left %s", strings.Join(left, ", "))
	}
	return fmt.Sprintf("%d CRDs of %s stay: deleting them would delete every object of every installation", kept, mappings.Group), nil
}

// field returns a string inside an unstructured object, "" when it is not
// there.
func field(object map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		object, _ = object[name].(map[string]any)
	}
	value, _ := object[path[len(path)-1]].(string)
	return value
}
