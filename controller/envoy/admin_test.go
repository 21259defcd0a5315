package envoy

import "testing"

func TestReadLoad(t *testing.T) {
	t.Parallel()
	load, err := readLoad([]byte(`{"stats": [
		{"name": "listener.0.0.0.0_8080.downstream_cx_active", "value": 3},
		{"name": "listener.0.0.0.0_8080.worker_0.downstream_cx_active", "value": 2},
		{"name": "listener.admin.downstream_cx_active", "value": 1},
		{"name": "http.ingress_http.downstream_rq_active", "value": 2},
		{"name": "http.` + readyStats + `.downstream_rq_active", "value": 1},
		{"name": "tcp.ingress_tcp.downstream_cx_active", "value": 5}
	]}`))
	if want := (Load{Connections: 3, Busy: 7}); err != nil || load != want {
		t.Errorf("%+v, %v, want %+v", load, err, want)
	}
}

// Envoy may be of another version than the one this was written for, or be replaced by something else on its port.
func FuzzAdmin(f *testing.F) {
	f.Add([]byte(`{"state": "LIVE", "version": "1.40.0"}`))
	f.Add([]byte(`{"stats": [{"name": "http.a.downstream_rq_active", "value": 1}, {"name": "."}, {}]}`))
	f.Add([]byte(`{"stats": [{"name": "listener.a.downstream_cx_active", "value": 1e99}], "state": 1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if info, err := readInfo(body); err != nil && info.Live() {
			t.Error("live by an answer that makes no sense")
		}
		if load, err := readLoad(body); err != nil && load != (Load{}) {
			t.Errorf("%+v open by an answer that makes no sense", load)
		}
	})
}
