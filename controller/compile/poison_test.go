package compile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/crds/v3alpha1"
)

// TestNoPoisonReachesEnvoy spoils every value of the objects in testdata/poison, one at a time and with everything that
// some field of Envoy's API refuses. Whatever the compiler makes of it must be acceptable to a real Envoy.
func TestNoPoisonReachesEnvoy(t *testing.T) {
	t.Parallel()
	base := documents(t, "testdata/poison/base.yaml")
	files, _ := filepath.Glob("testdata/poison/*.yaml")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if name == "base" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt := documents(t, file)
			install := append(slices.Clone(base), spoilt...)
			all, tried := map[[32]byte]bool{}, 0
			var some []configuration
			ask := &oracle{}
			asking := func() {
				for name, words := range ask.refused(t, some) {
					t.Errorf("%.200s: Envoy says: %.300s", name, words)
				}
				some = nil
			}
			for i := range spoilt {
				for what, object := range spoils(spoilt[i]) {
					tried++
					output := installed(t, install, len(base)+i, object)
					sum := content(t, output)
					if all[sum] {
						continue
					}
					all[sum] = true
					if some = append(some, configuration{what, output}); len(some) == 300 {
						asking() // all at once would be held in memory
					}
				}
			}
			if len(some) > 0 {
				asking()
			}
			if len(all) < tried/20 {
				t.Errorf("%d spoilt objects made %d configurations: too few to prove anything", tried, len(all))
			}
			t.Logf("%d spoilt objects made %d configurations; Envoy was asked %d times", tried, len(all), ask.asked)
		})
	}
}

// document is an object as its JSON.
type document = map[string]any

// documents reads the objects of a file.
func documents(t testing.TB, path string) []document {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []document
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		var one document
		if err := yaml.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
}

// kinds are those that installs are made of.
var kinds = func() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v3alpha1.AddToScheme, corev1.AddToScheme, discoveryv1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	return scheme
}()

// typed reads an object of a registered kind; an error means that its type has no place for a value.
func typed(d document) (metav1.Object, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	object, err := kinds.New(schema.FromAPIVersionAndKind(d["apiVersion"].(string), d["kind"].(string)))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, object); err != nil {
		return nil, err
	}
	return object.(metav1.Object), nil
}

// installed compiles an install in which one object is another.
func installed(t *testing.T, install []document, i int, object metav1.Object) *Output {
	t.Helper()
	objects := store.New()
	for j, d := range install {
		if j == i {
			continue
		}
		other, err := typed(d)
		if err != nil {
			t.Fatal(err)
		}
		objects.Upsert(other)
	}
	objects.Upsert(object)
	return Compile(objects, Defaults())
}

// content is a digest of everything that Envoy gets.
func content(t *testing.T, output *Output) [32]byte {
	t.Helper()
	hash := sha256.New()
	for _, message := range messages(output) {
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%d ", len(raw))
		hash.Write(raw)
	}
	return [32]byte(hash.Sum(nil))
}

// spoils yields what an object is with one of its values spoilt, and what was done to it.
func spoils(original document) iter.Seq2[string, metav1.Object] {
	return func(yield func(string, metav1.Object) bool) {
		for _, part := range sortedKeys(original) {
			if part == "apiVersion" || part == "kind" || part == "metadata" {
				continue
			}
			place := fmt.Sprint(original["kind"], " ", original["metadata"].(document)["name"], " ", part)
			for what, value := range spoiled(place, original[part]) {
				changed := maps.Clone(original)
				changed[part] = value
				object, err := typed(changed)
				if err != nil {
					continue
				}
				if !yield(what, object) {
					return
				}
			}
		}
	}
}

// spoiled yields a value with something in it spoilt.
func spoiled(place string, value any) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		switch value := value.(type) {
		case document:
			spoiledObject(place, value)(yield)
		case []any:
			for _, other := range [][]any{{}, append(slices.Clone(value), value...)} {
				if !yield(fmt.Sprintf("%s: %d items", place, len(other)), other) {
					return
				}
			}
			for i := range value {
				for what, item := range spoiled(fmt.Sprintf("%s[%d]", place, i), value[i]) {
					changed := slices.Clone(value)
					changed[i] = item
					if !yield(what, changed) {
						return
					}
				}
			}
		case string:
			for _, text := range nastyFor(place, value) {
				if !yield(fmt.Sprintf("%s: %.60q (%d)", place, text, len(text)), text) {
					return
				}
			}
		case bool:
			yield(fmt.Sprintf("%s: %t", place, !value), !value)
		case float64, int64:
			for _, number := range nastyNumbers {
				if !yield(fmt.Sprintf("%s: %d", place, number), number) {
					return
				}
			}
		}
	}
}

// spoiledObject yields an object with one key missing, renamed, or of a spoilt value.
func spoiledObject(place string, value document) iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, key := range sortedKeys(value) {
			without := maps.Clone(value)
			delete(without, key)
			if !yield(fmt.Sprintf("%s.%s: nothing", place, key), without) {
				return
			}
			// Keys that a user makes up start so.
			if strings.HasPrefix(key, "x-") {
				for _, text := range nastyFor(place+key, key) {
					renamed := maps.Clone(without)
					renamed[text] = value[key]
					if !yield(fmt.Sprintf("%s: key %.60q (%d)", place, text, len(text)), renamed) {
						return
					}
				}
			}
			for what, child := range spoiled(place+"."+key, value[key]) {
				changed := maps.Clone(value)
				changed[key] = child
				if !yield(what, changed) {
					return
				}
			}
		}
	}
}

// nastyNumbers are at the edges of what some field holds.
var nastyNumbers = []int64{0, 1, -1, 100, 101, 600, 65535, 65536, 1<<31 - 1, 1 << 31, -1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1,
	1 << 53, 1<<63 - 1, -1 << 63}

// allPoison makes TestNoPoisonReachesEnvoy try every text in every place, which takes minutes.
var allPoison = flag.Bool("poison", false, "spoil every value with every text, not with a quarter of them")

// nastyFor lists the texts to put in a place, instead of a usual one: a quarter of them, another one in each place, and
// more of its kind where it is a regular expression or a template.
func nastyFor(place, usual string) []string {
	hash := fnv.New32a()
	hash.Write([]byte(place))
	var texts []string
	for i, text := range nastyTexts {
		if *allPoison || (int(hash.Sum32()%4)+i)%4 == 0 {
			texts = append(texts, text)
		}
	}
	texts = append(texts, usual+"\x00", usual+"\n", usual+"é", strings.Repeat("a", 256), strings.Repeat("a", 20_000))
	if strings.Contains(usual, "(") {
		texts = append(texts, nastyExpressions...)
	}
	if strings.Contains(usual, "%") {
		texts = append(texts, nastyTemplates...)
	}
	return texts
}

// nastyExpressions are regular expressions of which Go and Envoy do not say the same, or that are too much for Envoy.
var nastyExpressions = []string{`\p{Letter}`, `\p{L}`, `\p{Old_Italic}`, `\x{100}`, `\777`, `[\xe0-é]`, `\C`, `(a{1000}){1000}`, `((((`, `a**`}

// nastyTemplates are commands of header values and access logs in forms that Envoy takes or does not.
var nastyTemplates = strings.Fields(`%REQ(X)% %REQ(X?Y)% %REQ(X?Y):10% %REQ(X):x% %REQ()% %RESP(X)% %TRAILER(X)% %DYNAMIC_METADATA(a:b)% %DYNAMIC_METADATA()%
	%CLUSTER_METADATA(a)% %UPSTREAM_METADATA(a)% %UPSTREAM_METADATA(["a","b"])% %FILTER_STATE(x)% %FILTER_STATE(x:PLAIN)%
	%FILTER_STATE(x:FOO)% %START_TIME% %START_TIME()% %START_TIME(%Y)% %START_TIME(%9f)% %START_TIME(%s%)% %PER_REQUEST_STATE(x)%
	%HOSTNAME% %ENVIRONMENT(X)% %ENVIRONMENT()% %PROTOCOL% %REQUEST_HEADERS_BYTES% %DURATION%
	%COMMON_DURATION(DS_RX_BEG:DS_TX_END:ms)% %COMMON_DURATION(a:b:c)% %COMMON_DURATION()% %CEL(x)% %CEL(request.path)% %CEL()%
	%DOWNSTREAM_PEER_CERT_V_START(%Y)% %DOWNSTREAM_PEER_CERT_V_START% %VIRTUAL_CLUSTER_NAME% %ROUTE_NAME% %STREAM_ID% %TRACE_ID%
	%QUERY_PARAM(x)% %QUERY_PARAM()% %QUERY_PARAMS(ORIG)% %PATH% %PATH(WQ)% %PATH(NQ:ORIG)% %PATH(X)% %CUSTOM_FLAGS%
	%METADATA(ROUTE:x)% %METADATA(FOO:x)% %METADATA()% %RESPONSE_CODE_DETAILS% %RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%
	%RESPONSE_CODE_DETAILS(X)% %CONNECTION_TERMINATION_DETAILS% %ACCESS_LOG_TYPE% %GRPC_STATUS% %GRPC_STATUS(X)%
	%GRPC_STATUS(SNAKE_STRING)% %EMIT_TIME% %EMIT_TIME(%Y)% %UPSTREAM_REMOTE_ADDRESS% %TLS_JA3_FINGERPRINT%
	%DOWNSTREAM_LOCAL_URI_SAN% %UNIQUE_ID% %LOCAL_REPLY_BODY% %REQUESTED_SERVER_NAME(X)% %REQUESTED_SERVER_NAME(SNI_FIRST)%
	%BYTES_RECEIVED% %REQ_WITHOUT_QUERY(X)% %SPAN_ID% %UPSTREAM_HOSTS_ATTEMPTED% %UPSTREAM_HOSTS_ATTEMPTED(X)% %COALESCE({})%
	%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG% %REQ(:path)% %REQ(X?Y?Z)% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%
	%DOWNSTREAM_REMOTE_ADDRESS(X)% %UPSTREAM_CLUSTER% %START_TIME(%L)% %START_TIME(%3f%6f)% %START_TIME(%E4S)%
	%FILTER_CHAIN_NAME% %RESPONSE_CODE(x)% %PROTOCOL(x)% %HOSTNAME:3% %PROTOCOL:3% %PROTOCOL:x% %FILE_CONTENT(/none)%
	%FILE_CONTENT()% %SECRET(x)% %DOWNSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_TLS_CERT% %UPSTREAM_PEER_CERT%
	%UPSTREAM_DETECTED_CLOSE_TYPE% %DOWNSTREAM_HANDSHAKE_DURATION% %PROXY_PROTOCOL_TLV(x)% %BACKEND(x)% %REQUEST_TX_DURATION%
	%REQ(a,b)% %% %%% %1% %a% %_% %REQ(x) REQ% %REQ(x)%% %REQ(é)% %REQ((x))% %START_TIME_LOCAL% %START_TIME_LOCAL(%Y)%
	%EMIT_TIME_LOCAL% %ATTEMPT_COUNT% %UPSTREAM_LOCAL_URI_SAN% %DOWNSTREAM_LOCAL_CLOSE_REASON% %VIRTUAL_HOST_NAME%
	%GRPC_STATUS_NUMBER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_FILTER_STATE(x)% %UPSTREAM_FILTER_STATE(x:TYPED)%
	%FILTER_STATE(x:TYPED):3% %FILTER_STATE()% %UPSTREAM_HOST_NAME_WITHOUT_PORT% %BYTES_RETRANSMITTED% %PACKETS_RETRANSMITTED%
	%UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_TLS_SESSION_ID% %DOWNSTREAM_PEER_SERIAL% %DOWNSTREAM_PEER_CERT_V_END(%b)%
	%UPSTREAM_PEER_CERT_V_START(%b)% %REQUEST_HEADER(x)% %RESPONSE_HEADER(x)% %RESPONSE_TRAILER(x)% %REQ% %CEL% %PATH:3%
	%SECRET()% %COALESCE% %COALESCE(x)% %COALESCE({"operators":["PROTOCOL"]})%`)
