package faultproxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// behind is a server that counts what reaches it, a proxy before it, and a client
// of the proxy with a token.
func behind(t *testing.T, answer http.HandlerFunc) (p *Proxy, client *http.Client, reached *atomic.Int64) {
	t.Helper()
	reached = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if r.Header.Get("Authorization") != "" {
			t.Error("the client's token has reached the server")
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	p = Start(t, &rest.Config{Host: server.URL})
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(p.Kubeconfig("token: good")))
	if err != nil {
		t.Fatal(err)
	}
	if client, err = rest.HTTPClientFor(config); err != nil {
		t.Fatal(err)
	}
	return p, client, reached
}

func hello(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }

// ask is one request; the error is that of the answer or of reading it.
func ask(t *testing.T, client *http.Client, method, url string) (code int, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// TestFaults breaks one request in each way: the client sees that, the server is
// reached or not, and the next request is answered.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   Fault
		code    int
		says    string
		fails   error // of the connection; with code 0
		reached int64
	}{
		"pass":              {fault: Pass, code: 200, says: "hello", reached: 1},
		"modified":          {fault: Modified, code: 409, says: `"reason":"Conflict"`},
		"leader":            {fault: LeaderChanged, code: 503, says: "leader changed"},
		"internal":          {fault: InternalError, code: 500, says: `"kind":"Status"`},
		"timeout":           {fault: ServerTimeout, code: 504, says: `"reason":"Timeout"`},
		"webhook":           {fault: Webhook, code: 500, says: "guard.example.com"},
		"conversion":        {fault: ConversionWebhook, code: 500, says: "emissary-apiext"},
		"unauthorized":      {fault: Unauthorized, code: 401, says: `"reason":"Unauthorized"`},
		"too many requests": {fault: TooManyRequests(0), code: 429, says: "TooManyRequests"},
		"bad gateway":       {fault: BadGateway, code: 502, says: "<html>"},
		"no match":          {fault: NoMatch, code: 404, says: "404 page not found"},
		"slow":              {fault: Slow(time.Millisecond), code: 200, says: "hello", reached: 1},
		"stall":             {fault: Stall, fails: errTimeout},
		"lost":              {fault: Lost, fails: errTimeout, reached: 1},
		"cut":               {fault: Cut, fails: io.EOF},
		"cut after":         {fault: CutAfter, fails: io.EOF, reached: 1},
		"cut short":         {fault: CutShort, code: 200, says: "he", fails: io.ErrUnexpectedEOF, reached: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, client, reached := behind(t, hello)
			rule := p.Break(1, Writes, test.fault) // net/http repeats no POST by itself
			hasty := *client
			if test.fails == errTimeout { //nolint:errorlint // It is the one below.
				hasty.Timeout = time.Second
			}
			code, body, err := ask(t, &hasty, http.MethodPost, p.URL)
			if code != test.code || !strings.Contains(body, test.says) {
				t.Errorf("the answer is %d %q, want %d %q", code, body, test.code, test.says)
			}
			if !fails(err, test.fails) {
				t.Errorf("it fails with %v, want %v", err, test.fails)
			}
			if n := reached.Load(); n != test.reached {
				t.Errorf("the server was reached %d times, want %d", n, test.reached)
			}
			if code, body, err := ask(t, client, http.MethodPost, p.URL); code != 200 || body != "hello" {
				t.Errorf("the next answer is %d %q, %v", code, body, err)
			}
			if met := rule.Met(); met != 1 || rule.Met() != 0 {
				t.Errorf("the rule was met %d times", met)
			}
		})
	}
}

// errTimeout stands for a client that has given up.
var errTimeout = errors.New("timeout")

func fails(err, want error) bool {
	if want != errTimeout { //nolint:errorlint // It is the one above.
		return errors.Is(err, want)
	}
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// TestRules chooses the oldest rule that is not used up or healed, and counts.
func TestRules(t *testing.T) {
	t.Parallel()
	p, client, _ := behind(t, hello)
	get := func(path string) int {
		code, _, err := ask(t, client, http.MethodGet, p.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	second := p.Break(1, After(1, Of("hosts")), BadGateway)
	always := p.Break(0, Both(Reads, Lists("mappings")), LeaderChanged)
	rest := p.Count(All)
	var got []int
	for _, path := range []string{"/hosts/a", "/hosts/b", "/hosts/c", "/mappings", "/mappings/a", "/mappings"} {
		got = append(got, get(path))
	}
	always.Heal()
	got = append(got, get("/mappings"))
	if want := "[200 502 200 503 200 503 200]"; fmt.Sprint(got) != want {
		t.Errorf("the answers are %v, want %s", got, want)
	}
	if a, b, c := second.Met(), always.Met(), rest.Met(); a != 1 || b != 2 || c != 4 {
		t.Errorf("the rules were met %d, %d and %d times, want 1, 2 and 4", a, b, c)
	}
	p.Accept("new")
	if code := get("/"); code != 401 {
		t.Errorf("a token that is not accepted any more gets %d", code)
	}
	p.Accept("new", "good")
	if code := get("/"); code != 200 {
		t.Errorf("a token that is accepted gets %d", code)
	}
}

// TestMatches says which requests each match is about.
func TestMatches(t *testing.T) {
	t.Parallel()
	const objects = "/apis/getambassador.io/v3alpha1/namespaces/web/mappings"
	for name, test := range map[string]struct {
		match       Match
		method, url string
		want        bool
	}{
		"a read":                      {Reads, "GET", objects, true},
		"a write is no read":          {Reads, "PATCH", objects + "/a", false},
		"a write":                     {Writes, "PATCH", objects + "/a", true},
		"a deletion":                  {Deletes, "DELETE", objects + "/a", true},
		"a watch":                     {Watches, "GET", objects + "?watch=true", true},
		"a list is no watch":          {Watches, "GET", objects, false},
		"an object of a type":         {Of("mappings"), "GET", objects + "/a", true},
		"an object of the same start": {Of("mapping"), "GET", objects + "/a", false},
		"a list of a type":            {Lists("mappings"), "GET", objects, true},
		"an object is no list":        {Lists("mappings"), "GET", objects + "/a", false},
		"a group":                     {Group("getambassador.io"), "GET", "/apis/getambassador.io", true},
		"a group's objects":           {Group("getambassador.io"), "GET", objects, true},
		"discovery":                   {Group("getambassador.io"), "GET", "/apis", true},
		"another group":               {Group("getambassador.io"), "GET", "/apis/apps/v1", false},
	} {
		if got := test.match(httptest.NewRequest(test.method, test.url, http.NoBody)); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

// TestHidden takes a group out of both forms of discovery.
func TestHidden(t *testing.T) {
	t.Parallel()
	p, client, _ := behind(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"items":[{"metadata":{"name":"getambassador.io"}},{"metadata":{"name":"apps"}}],"groups":[{"name":"getambassador.io"},{"name":"apps"}]}`)
	})
	p.Break(0, Group("getambassador.io"), Hidden("getambassador.io"))
	if _, body, err := ask(t, client, http.MethodGet, p.URL+"/apis"); err != nil || strings.Contains(body, "getambassador") || strings.Count(body, `"apps"`) != 2 {
		t.Errorf("discovery is %s, %v", body, err)
	}
	if code, _, err := ask(t, client, http.MethodGet, p.URL+"/apis/getambassador.io/v3alpha1/mappings"); err != nil || code != 404 {
		t.Errorf("an object of the group gets %d, %v", code, err)
	}
}

// TestThen sees the code before the client does.
func TestThen(t *testing.T) {
	t.Parallel()
	p, client, _ := behind(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })
	var seen int
	p.Break(1, All, Then(func(code int) { seen = code }))
	if code, _, err := ask(t, client, http.MethodPost, p.URL); err != nil || code != http.StatusCreated || seen != http.StatusCreated {
		t.Errorf("the client got %d, %v, and %d was seen", code, err, seen)
	}
}
