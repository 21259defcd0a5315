package xds

import (
	"slices"
	"strings"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
)

// answer takes in Envoy's answer to a response: accepted, or rejected with a
// detail. Envoy answers in order, so an answer also covers earlier responses.
func (st *stream) answer(sub *subscription, nonce string, detail *statuspb.Status) {
	i := slices.IndexFunc(sub.flight, func(r *response) bool { return r.nonce == nonce })
	if i < 0 {
		return // of another stream, or answered already
	}
	accepted := sub.flight[:i+1]
	if detail != nil {
		accepted = sub.flight[:i]
	}
	rejected := sub.flight[len(accepted) : i+1]
	sub.flight = slices.Clone(sub.flight[i+1:])
	st.acked(sub, accepted)
	for _, r := range rejected {
		st.nacked(sub, r, detail.GetMessage())
	}
}

// acked records that Envoy uses what the responses carried.
func (st *stream) acked(sub *subscription, responses []*response) {
	s, label := st.server, shortName(sub.kind.typeURL)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range responses {
		s.metrics.acks.WithLabelValues(label).Inc()
		s.metrics.ackSeconds.WithLabelValues(label).Observe(time.Since(r.sent).Seconds())
		sub.done = max(sub.done, r.through)
		sub.limit *= 2
		for _, a := range r.additions {
			s.accept(ID{sub.kind.typeURL, a.name}, a.version)
		}
	}
}

// nacked undoes a response that Envoy rejected. Envoy may have applied parts of
// it; sending those again is harmless, so everything in it counts as not sent,
// except what is at fault. When that cannot be told, the next responses carry
// half as many resources each, until one with a single resource is rejected.
func (st *stream) nacked(sub *subscription, r *response, detail string) {
	st.server.metrics.nacks.WithLabelValues(shortName(sub.kind.typeURL)).Inc()
	if len(r.additions) == 0 {
		st.log.Warn("Envoy rejects a removal", "type", shortName(sub.kind.typeURL), "count", len(r.removals), "detail", detail)
		return
	}
	known := sub.known()
	for _, a := range r.additions {
		if !sub.wants(a.name) || known[a.name] != a.version {
			continue // unsubscribed, or a later response has replaced it
		}
		if a.previous == "" {
			delete(known, a.name)
		} else {
			known[a.name] = a.previous
		}
		sub.again(a.name)
	}
	for _, a := range r.removals {
		if a.previous != "" && sub.wants(a.name) {
			known[a.name] = a.previous
			sub.again(a.name)
		}
	}
	culprits := blame(r.additions, detail)
	if len(culprits) == 0 {
		sub.limit = max(1, len(r.additions)/2)
		return
	}
	for _, a := range culprits {
		st.server.reject(ID{sub.kind.typeURL, a.name}, a.version, detail, st.node)
	}
}

// blame finds the resources that Envoy's message names, as in
// "Error adding/updating listener(s) a: …" or "… cluster(s) a: …, b: …". A
// response with one resource needs no naming.
func blame(additions []addition, detail string) (culprits []addition) {
	if len(additions) == 1 {
		return additions
	}
	for _, a := range additions {
		if mentions(detail, a.name) {
			culprits = append(culprits, a)
		}
	}
	return culprits
}

// mentions reports whether text contains name as a word of its own, not as part
// of a longer name.
func mentions(text, name string) bool {
	for offset := 0; ; {
		i := strings.Index(text[offset:], name)
		if i < 0 {
			return false
		}
		start := offset + i
		end := start + len(name)
		if opens(text[:start]) && closes(text[end:]) {
			return true
		}
		offset = start + 1
	}
}

// opens reports whether a name may begin after text.
func opens(text string) bool {
	return text == "" || strings.ContainsRune(" \n'\"`,(", rune(text[len(text)-1]))
}

// closes reports whether a name may have ended before text.
func closes(text string) bool {
	switch {
	case text == "" || strings.ContainsRune(" \n'\"`,)", rune(text[0])):
		return true
	case strings.ContainsRune(":.;", rune(text[0])): // punctuation only if nothing follows it
		return len(text) == 1 || text[1] == ' ' || text[1] == '\n'
	}
	return false
}
