package soak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

const (
	// files hold the Mappings, perFile in each: 5,000 in all.
	files, perFile = 50, 100
	// churned is how many files change in a round.
	churned = 3
)

// folder is the manifests that the controller follows.
type folder struct {
	dir string
	// versions count the rewritings of each file.
	versions [files]int
	round    int
}

// fill writes every file for the first time.
func (f *folder) fill(t *testing.T, port int) {
	t.Helper()
	f.write(t, "base.yaml", fmt.Appendf(nil, `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: {name: http}
spec: {port: %d, protocol: HTTP, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: {name: soak}
spec: {hostname: soak.example, requestPolicy: {insecure: {action: Route}}}
---
apiVersion: getambassador.io/v3alpha1
kind: KubernetesEndpointResolver
metadata: {name: endpoint}
`, port))
	for i := range files {
		f.rewrite(t, i)
	}
	f.mark(t)
}

// churn rewrites the next files, and the mark after them. What was written before is served when the mark is.
func (f *folder) churn(t *testing.T) {
	t.Helper()
	for i := range churned {
		f.rewrite(t, (f.round*churned+i)%files)
	}
	f.mark(t)
}

// mark writes a Mapping that sends clients to the path of the round, so that they see which one is served.
func (f *folder) mark(t *testing.T) {
	t.Helper()
	f.round++
	f.write(t, "mark.yaml", fmt.Appendf(nil, `
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: mark}
spec: {hostname: soak.example, prefix: /mark, service: soak.example, host_redirect: true, path_redirect: %s}
`, f.path()))
}

// path is where the mark of the round leads.
func (f *folder) path() string { return fmt.Sprintf("/round/%d", f.round) }

// rewrite writes a file's next version. Of its Mappings, each with a Service and two endpoints, a quarter go and as many
// come, a quarter get other endpoints, a quarter another cluster, and a quarter another timeout.
func (f *folder) rewrite(t *testing.T, file int) {
	t.Helper()
	version := f.versions[file]
	f.versions[file]++
	var manifests bytes.Buffer
	for i := range perFile {
		name := fmt.Sprintf("m-%d-%d", file, i)
		timeout, connect, address := 5000, 3000, fmt.Sprintf("10.%d.%d", file, i)
		switch i % 4 {
		case 0:
			name = fmt.Sprintf("%s-%d", name, version)
		case 1:
			address = fmt.Sprintf("10.%d.%d", 100+version%100, i)
		case 2:
			connect += version
		case 3:
			timeout += version
		}
		fmt.Fprintf(&manifests, `---
{apiVersion: v1, kind: Service, metadata: {name: %[1]s}, spec: {clusterIP: 10.255.0.1, ports: [{name: http, port: 80}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s-1, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
endpoints: [{addresses: [%[4]s.1], conditions: {ready: true}}, {addresses: [%[4]s.2], conditions: {ready: true}}]
ports: [{name: http, port: 8080}]
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: {name: %[1]s}
spec: {hostname: soak.example, prefix: /%[1]s/, service: %[1]s, resolver: endpoint, timeout_ms: %[2]d, connect_timeout_ms: %[3]d}
`, name, timeout, connect, address)
	}
	f.write(t, fmt.Sprintf("mappings-%d.yaml", file), manifests.Bytes())
}

// write replaces a file at once, so that nobody reads half of it.
func (f *folder) write(t *testing.T, name string, content []byte) {
	t.Helper()
	draft := filepath.Join(f.dir, "."+name)
	if err := os.WriteFile(draft, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(draft, filepath.Join(f.dir, name)); err != nil {
		t.Fatal(err)
	}
}
