package xds

import (
	"fmt"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// BenchmarkApplyOne is one changed cluster among N: change, push, answer. Time
// and allocations must not grow with N.
func BenchmarkApplyOne(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, st, p := serving(b, n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Apply([]Resource{cluster("c7", 1+i&1)}, nil); err != nil {
					b.Fatal(err)
				}
				exchange(b, st, p)
			}
			if got := s.State(); got.Acknowledged != got.Revision {
				b.Fatalf("not acknowledged: %+v", got)
			}
		})
	}
}

// BenchmarkUpdateOne is the same by way of the whole set.
func BenchmarkUpdateOne(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, st, p := serving(b, n)
			set := many(n)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				set[7] = cluster("c7", 1+i&1)
				if _, err := s.Update(set); err != nil {
					b.Fatal(err)
				}
				exchange(b, st, p)
			}
		})
	}
}

func many(n int) []Resource {
	set := make([]Resource, 0, n+1)
	for i := range n {
		set = append(set, cluster(fmt.Sprint("c", i), 1))
	}
	return append(set, listener("l", 1))
}

// serving is a server with n clusters and a stream that has them.
func serving(b *testing.B, n int) (*Server, *stream, *pipe) {
	b.Helper()
	s, p := NewServer(Options{}), &pipe{}
	if _, err := s.Update(many(n)); err != nil {
		b.Fatal(err)
	}
	st := s.open(p)
	b.Cleanup(func() { s.close(st) })
	for _, typeURL := range []string{ClusterType, ListenerType} {
		if err := st.receive(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL}); err != nil {
			b.Fatal(err)
		}
		exchange(b, st, p)
	}
	return s, st, p
}

// exchange sends what is to be sent and answers it.
func exchange(b *testing.B, st *stream, p *pipe) {
	b.Helper()
	for {
		if _, err := st.pump(); err != nil {
			b.Fatal(err)
		}
		if len(p.sent) == 0 {
			return
		}
		for _, r := range p.sent {
			if err := st.receive(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.TypeUrl, ResponseNonce: r.Nonce}); err != nil {
				b.Fatal(err)
			}
		}
		p.sent = p.sent[:0]
	}
}
