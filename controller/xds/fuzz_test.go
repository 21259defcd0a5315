package xds

import (
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
)

// pipe is a stream whose responses go nowhere.
type pipe struct {
	grpc.BidiStreamingServer[discoveryv3.DeltaDiscoveryRequest, discoveryv3.DeltaDiscoveryResponse]
	sent []*discoveryv3.DeltaDiscoveryResponse
}

func (p *pipe) Send(r *discoveryv3.DeltaDiscoveryResponse) error {
	p.sent = append(p.sent, r)
	return nil
}

// FuzzRequests plays a client that follows no rule: each byte is a request, an
// answer or a change of the resources. The server must neither panic nor lose
// count of what the client holds, and once the client behaves, everything must
// be acknowledged.
func FuzzRequests(f *testing.F) {
	f.Add([]byte("\x00\x10\x20\x30\x41\x52\x63"))
	f.Add([]byte("\x00\x04\x80\x84\xc0\xc4\x08\x48\x88\xc8"))
	f.Fuzz(func(t *testing.T, script []byte) {
		s := NewServer(Options{WarmTimeout: time.Hour, RemovalTimeout: time.Nanosecond, RetryInterval: time.Hour})
		p := &pipe{}
		st := s.open(p)
		defer s.close(st)
		types := []string{ClusterType, EndpointType, ListenerType, RouteType}
		names := []string{"a", "b", "*", "cluster"}
		answered := 0
		answer := func(r *discoveryv3.DeltaDiscoveryRequest) {
			if answered < len(p.sent) {
				r.TypeUrl, r.ResponseNonce = p.sent[answered].TypeUrl, p.sent[answered].Nonce
				answered++
			}
		}
		step := func(r *discoveryv3.DeltaDiscoveryRequest) {
			if r != nil {
				if err := st.receive(r); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := st.pump(); err != nil {
				t.Fatal(err)
			}
		}
		for _, b := range script {
			typeURL, name := types[b&3], names[b>>2&3]
			r := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL}
			switch b >> 4 {
			case 0, 1:
				r.ResourceNamesSubscribe = []string{name}
			case 2:
				r.ResourceNamesUnsubscribe = []string{name}
			case 3:
				r.InitialResourceVersions = map[string]string{name: "held"}
			case 4, 5:
				answer(r)
			case 6:
				answer(r)
				r.ErrorDetail = &status.Status{Message: "cluster " + name + ": bad"}
			case 7:
				answer(r)
				r.ErrorDetail = &status.Status{Message: "bad"}
			case 8:
				r.ResponseNonce = name
			default:
				resources := []Resource{listener("a", int(b>>2)), route("a", "a"), endpoints("a", int(b))}
				if b&1 == 0 {
					resources = append(resources, cluster("a", int(b)), cluster("b", int(b>>1)), endpoints("b", 1))
				}
				if _, err := s.Update(resources); err != nil {
					t.Fatal(err)
				}
				r = nil
			}
			step(r)
		}
		if _, err := s.Update([]Resource{cluster("z", 1), listener("z", 1)}); err != nil {
			t.Fatal(err)
		}
		step(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: ListenerType, ResourceNamesSubscribe: []string{"*"}})
		for rounds := 0; answered < len(p.sent); rounds++ {
			if rounds > 1000 {
				t.Fatal("the server never stops sending")
			}
			r := &discoveryv3.DeltaDiscoveryRequest{}
			answer(r)
			step(r)
		}
		if got := s.State(); got.Acknowledged != got.Revision {
			t.Fatalf("everything is answered, yet the state is %+v", got)
		}
		if held := st.subs[ListenerType].known(); len(held) != 1 || held["z"] == "" {
			t.Fatalf("the client is believed to hold the listeners %v, want z", held)
		}
	})
}
