// Package scenario owns what the benchmarks measure, one kind in each file. A scenario runs on a test bed, waits on
// conditions and returns figures; it judges nothing.
package scenario

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"terraform-provider-emissary/test/bench/load"
	"terraform-provider-emissary/test/bench/testbed"
)

// Station is a control plane with N Mappings of one shape, and a controller that serves them.
type Station struct {
	Plane      *testbed.Plane
	Controller *testbed.Controller
	Shape      testbed.Shape
	N          int
	// Load is how long the objects took to create. Start is how long the controller took from its start until it served
	// the last Mapping, Settled until every status was written.
	Load, Start, Settled time.Duration
}

// settleTimeout bounds the work that follows a start with 10,000 Mappings.
const settleTimeout = 5 * time.Minute

// Arrive starts a controller on the plane, once that has n Mappings and all that the given number of further ones need,
// and returns when everything is served and every status is written.
func Arrive(ctx context.Context, plane *testbed.Plane, options testbed.ControllerOptions, shape testbed.Shape, n, further int) (*Station, error) {
	empty := time.Now()
	if err := plane.Grow(ctx, n, further); err != nil {
		return nil, err
	}
	options.Kubeconfig = plane.Kubeconfig
	start := time.Now()
	controller, err := testbed.StartController(ctx, options)
	if err != nil {
		return nil, err
	}
	s := &Station{Plane: plane, Controller: controller, Shape: shape, N: n, Load: start.Sub(empty)}
	if err := s.settle(ctx, start); err != nil {
		err = fmt.Errorf("%w\n%s", err, controller.LogTail())
		controller.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Station) settle(ctx context.Context, start time.Time) error {
	if err := serves(ctx, s.Controller, s.Shape.Request(s.N-1)); err != nil {
		return err
	}
	s.Start = time.Since(start)
	err := s.Plane.AwaitAllProgrammed(ctx, settleTimeout)
	s.Settled = time.Since(start)
	return err
}

// serves returns when a request is answered with 200.
func serves(ctx context.Context, controller *testbed.Controller, request load.Request) error {
	client := &load.Client{Address: controller.Address, KeepAlive: true}
	defer client.Close()
	return testbed.Await(ctx, fmt.Sprintf("http://%s%s to be served", request.Host, request.Path), servedTimeout, func(context.Context) error {
		answer, err := client.Get(request)
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("the answer is %d", answer.Status)
		}
		return err
	})
}
