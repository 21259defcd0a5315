package compile

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/proto"

	"terraform-provider-emissary/test/deps"
)

// oracle asks a real Envoy, offline, whether it takes configurations: about many in one question.
type oracle struct {
	// asked counts the questions.
	asked int
}

// enough refused configurations show that something is wrong; finding more takes long.
const enough = 20

// configuration is one that an object or a value in it brought about.
type configuration struct {
	name   string
	output *Output
}

// refused finds the configurations that Envoy refuses, and its words. Half of a refused question is asked again until
// one configuration is left.
func (o *oracle) refused(t *testing.T, all []configuration) map[string]string {
	t.Helper()
	found := map[string]string{}
	o.search(t, all, found)
	return found
}

func (o *oracle) search(t *testing.T, some []configuration, found map[string]string) {
	t.Helper()
	if len(found) >= enough {
		return
	}
	words := o.ask(t, some)
	switch half := len(some) / 2; {
	case words == "":
	case len(some) == 1:
		found[some[0].name] = words
	default:
		o.search(t, some[:half], found)
		o.search(t, some[half:], found)
	}
}

// ask returns the words in which Envoy refuses configurations, nothing when it takes them all.
func (o *oracle) ask(t *testing.T, some []configuration) string {
	t.Helper()
	o.asked++
	raw, err := proto.Marshal(together(t, some))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "question.pb")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), deps.Envoy(t), "--mode", "validate", "-c", path, "-l", "critical", "--log-format", "%v",
		"--disable-hot-restart", "--concurrency", "1")
	command.Dir = t.TempDir() // Envoy opens log files, even to validate
	out, err := command.CombinedOutput()
	if err == nil {
		return ""
	}
	_, words, found := strings.Cut(string(out), "question.pb': ")
	if !found {
		words = err.Error() + ": " + string(out)
	}
	if _, violated, found := strings.Cut(words, "Proto constraint validation failed"); found {
		return violated // without the message, which can be long
	}
	return strings.TrimSpace(words)
}

// together puts configurations into one bootstrap. What several have in common is in it once; of clusters with one name
// and different content, all but the first are renamed: nothing but their existence is asked for by name.
func together(t *testing.T, some []configuration) *bootstrapv3.Bootstrap {
	t.Helper()
	var whole *bootstrapv3.Bootstrap
	seen := map[[32]byte]bool{}
	names := map[string]bool{}
	// Each configuration gets ports of its own, so that only what conflicts within one still does.
	type socketOf struct {
		configuration int
		port          uint32
	}
	ports := map[socketOf]uint32{}
	for i, configuration := range some {
		part := static(t, configuration.output)
		if whole == nil {
			whole = proto.CloneOf(part)
			whole.StaticResources = &bootstrapv3.Bootstrap_StaticResources{}
		}
		resources := whole.StaticResources
		for _, cluster := range part.StaticResources.Clusters {
			if known(t, seen, cluster) {
				continue
			}
			for names[cluster.Name] {
				cluster.Name += "~"
			}
			names[cluster.Name] = true
			resources.Clusters = append(resources.Clusters, cluster)
		}
		for _, listener := range part.StaticResources.Listeners {
			if known(t, seen, listener) {
				continue
			}
			listener.Name = fmt.Sprintf("%d-%s", i, listener.Name)
			if socket := listener.Address.GetSocketAddress(); socket.GetPortValue()-1 < 65535 {
				port := ports[socketOf{i, socket.GetPortValue()}]
				if port == 0 {
					port = uint32(len(ports) + 1)
					ports[socketOf{i, socket.GetPortValue()}] = port
				}
				socket.PortSpecifier = &corev3.SocketAddress_PortValue{PortValue: port}
			}
			resources.Listeners = append(resources.Listeners, listener)
		}
	}
	return whole
}

// known reports whether a message was seen before, and remembers it.
func known(t *testing.T, seen map[[32]byte]bool, message proto.Message) bool {
	t.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	defer func() { seen[sum] = true }()
	return seen[sum]
}
