package faultproxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"
)

// Fault answers a request, or has the API server answer it.
type Fault func(w http.ResponseWriter, r *http.Request, server http.Handler)

// Pass is no fault.
func Pass(w http.ResponseWriter, r *http.Request, server http.Handler) { server.ServeHTTP(w, r) }

// status answers as the API server does.
func status(code int, reason, message string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
	}
}

// The answers of an API server, in its own words.
var (
	// Modified is a conflict of two writers, not of two field managers.
	Modified = status(http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
	// LeaderChanged is what etcd makes of an election.
	LeaderChanged = status(http.StatusServiceUnavailable, "ServiceUnavailable", "etcdserver: leader changed")
	// InternalError is one that says nothing.
	InternalError = status(http.StatusInternalServerError, "InternalError", "Internal error occurred: unexpected end of JSON input")
	// ServerTimeout is that of a request that took the server too long.
	ServerTimeout = status(http.StatusGatewayTimeout, "Timeout", "Timeout: request did not complete within requested timeout - context deadline exceeded")
	// Webhook is an admission webhook none of whose pods is ready.
	Webhook = status(http.StatusInternalServerError, "InternalError",
		`Internal error occurred: failed calling webhook "guard.example.com": failed to call webhook: Post "https://guard.example.svc:443/?timeout=10s": no endpoints available for service "guard"`)
	// ConversionWebhook is that of the CRDs of Emissary 3.x without its pods.
	ConversionWebhook = status(http.StatusInternalServerError, "InternalError",
		`conversion webhook for getambassador.io/v2, Kind=Mapping failed: Post "https://emissary-apiext.emissary-system.svc:443/webhooks/crd-convert?timeout=30s": no endpoints available for service "emissary-apiext"`)
	// Unauthorized is the answer to credentials that are none, or not any more.
	Unauthorized = status(http.StatusUnauthorized, "Unauthorized", "Unauthorized")
)

// TooManyRequests is the answer of a server that is busy and says for how long.
func TooManyRequests(retryAfter time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
		status(http.StatusTooManyRequests, "TooManyRequests", "too many requests, please try again later")(w, r, server)
	}
}

// BadGateway is the answer of a load balancer that finds no API server.
func BadGateway(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	fmt.Fprint(w, "<html><body><h1>502 Bad Gateway</h1></body></html>")
}

// NoMatch is what an API server says of a kind whose CRD it does not serve.
func NoMatch(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	http.Error(w, "404 page not found", http.StatusNotFound)
}

// Slow is a server that takes its time and then answers.
func Slow(by time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		select {
		case <-time.After(by):
			server.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// Stall is a server that takes a request and never answers. It does not do it.
func Stall(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // before that, net/http does not notice when the client goes
	<-r.Context().Done()
}

// Lost is a request that is done, but whose answer never comes.
func Lost(_ http.ResponseWriter, r *http.Request, server http.Handler) {
	server.ServeHTTP(httptest.NewRecorder(), r)
	<-r.Context().Done()
}

// Cut is a connection that breaks before the API server has the request.
func Cut(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// CutAfter is a connection that breaks when the request is done, before a word of
// the answer: the client cannot know.
func CutAfter(_ http.ResponseWriter, r *http.Request, server http.Handler) {
	server.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// CutShort is a connection that breaks in the middle of the answer.
func CutShort(w http.ResponseWriter, r *http.Request, server http.Handler) {
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
	panic(http.ErrAbortHandler)
}

// Then calls the function with the code of the API server's answer, before the
// client has it.
func Then(see func(code int)) Fault {
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		server.ServeHTTP(&observed{ResponseWriter: w, see: see}, r)
	}
}

type observed struct {
	http.ResponseWriter
	see func(code int)
}

func (o *observed) WriteHeader(code int) {
	o.see(code)
	o.ResponseWriter.WriteHeader(code)
}

// Unwrap lets the proxy flush what a watch sends.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// Group are the requests to an API group, and those of discovery that would list
// it; see Hidden.
func Group(group string) Match {
	return func(r *http.Request) bool {
		return r.URL.Path == "/apis" || r.URL.Path == "/apis/" || strings.HasPrefix(r.URL.Path+"/", "/apis/"+group+"/")
	}
}

// Hidden is an API server that does not know a group, as long as its CRDs are not
// there or, on one of several servers, not served yet. It is for requests that
// match Group.
func Hidden(group string) Fault {
	return func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if strings.HasPrefix(r.URL.Path+"/", "/apis/"+group+"/") {
			NoMatch(w, r, server)
			return
		}
		r.Header.Del("Accept-Encoding")
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		var list map[string]any
		if answer.Code != http.StatusOK || json.Unmarshal(answer.Body.Bytes(), &list) != nil {
			status(http.StatusInternalServerError, "InternalError", "discovery in a form that the proxy does not read")(w, r, server)
			return
		}
		list["items"] = without(list["items"], group)   // aggregated discovery
		list["groups"] = without(list["groups"], group) // the one before
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		_ = json.NewEncoder(w).Encode(list)
	}
}

// without is the list of groups without one.
func without(list any, group string) (rest []any) {
	groups, _ := list.([]any)
	for _, one := range groups {
		entry, _ := one.(map[string]any)
		metadata, _ := entry["metadata"].(map[string]any)
		if entry["name"] != group && metadata["name"] != group {
			rest = append(rest, one)
		}
	}
	return rest
}
