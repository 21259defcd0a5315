package xds

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// maxRequest bounds a request's size. A reconnecting Envoy lists the version of
// every resource it holds: some 100 bytes for each of 100,000 is 10 MB.
const maxRequest = 64 << 20

// Register adds the aggregated discovery service to a gRPC server of the
// caller's (mutual TLS, other services).
func (s *Server) Register(r grpc.ServiceRegistrar) {
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(r, service{server: s})
}

// Serve answers Envoys on the listener until ctx is done; it closes the
// listener and returns when every stream has ended, nil if ctx ended it.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.WaitForHandlers(true),
		// An Envoy whose host vanished must not hold back acknowledgements.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	s.Register(server)

	stop := context.AfterFunc(ctx, server.Stop)
	err := server.Serve(l)
	if !stop() {
		server.Stop() // waits for the handlers
		return nil
	}
	server.Stop()
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// service adapts Server to the generated interface. It serves delta ADS only,
// which is what the bootstrap asks for.
type service struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	server *Server
}

// DeltaAggregatedResources runs one Envoy's stream until either side ends it.
func (s service) DeltaAggregatedResources(rpc discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	st := s.server.open(rpc)
	defer s.server.close(st)

	// Receiving is a goroutine of its own because Recv blocks; it holds at most
	// one request, so that a client is never read faster than it is answered.
	requests, failed := make(chan *discoveryv3.DeltaDiscoveryRequest), make(chan error, 1)
	go func() {
		for {
			req, err := rpc.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case requests <- req:
			case <-rpc.Context().Done():
				return
			}
		}
	}()

	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case req := <-requests:
			if err := st.receive(req); err != nil {
				return err
			}
		case err := <-failed:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case <-st.poked:
		case <-timer.C:
		case <-rpc.Context().Done():
			return rpc.Context().Err()
		}
		next, err := st.pump()
		if err != nil {
			return err
		}
		timer.Reset(next)
	}
}
