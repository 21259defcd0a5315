package envoy

import (
	"errors"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
)

// ReadyListener returns the listener on 127.0.0.1:port (AMBASSADOR_READY_PORT,
// 8006) that answers GET /ready with 200 while Envoy is live and 503 once it
// drains; any other path is 404. Serve it with the other listeners.
func ReadyListener(port int) (*listenerv3.Listener, error) { return nil, errors.ErrUnsupported }

// Bootstrap returns what Envoy starts with.
func Bootstrap(o Options) (*bootstrapv3.Bootstrap, error) { return nil, errors.ErrUnsupported }
