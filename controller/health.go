package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"terraform-provider-emissary/controller/xds"
)

// stuck is how long the loop may be silent before a restart is the better choice. A compilation of a very large
// configuration on a busy node takes seconds.
const stuck = time.Minute

// alive is about this process alone. An API server that is away, or an Envoy that is being restarted, is nothing a
// restart of the controller would mend.
func (c *controller) alive(context.Context) error {
	if silent := time.Since(time.Unix(0, c.loop.beat.Load())); silent > stuck {
		return fmt.Errorf("the event loop has not moved for %s", silent.Round(time.Second))
	}
	return nil
}

// ready is true once Envoy has acknowledged a first complete configuration, and as long as Envoy itself says so.
func (c *controller) ready(ctx context.Context) error {
	select {
	case <-c.draining:
		return errors.New("draining")
	default:
	}
	state := c.server.State()
	switch {
	case !c.loop.serving.Load():
		return errors.New("still reading the configuration")
	case !state.Ready && state.Clients == 0:
		return errors.New("no Envoy has connected yet")
	case !state.Ready:
		return errors.New("the first complete configuration is not acknowledged yet")
	case !c.loop.settled.Load():
		return errors.New("a part of the first configuration is refused by Envoy, and the object at fault is being looked for")
	}
	return envoyReady(ctx, c.options.Environment.ReadyPort)
}

func envoyReady(ctx context.Context, port int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/ready", port), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no answer from Envoy: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("no good answer from Envoy: %s", response.Status)
	}
	return nil
}

// diagnosticsPage is the JSON of /ambassador/v0/diag/.
type diagnosticsPage struct {
	AmbassadorID string    `json:"ambassador_id"`
	Namespace    string    `json:"ambassador_namespace"`
	Hostname     string    `json:"hostname"`
	Envoy        envoyPage `json:"envoy_status"`
	*Snapshot
}

// envoyPage is what Envoy made of the configuration.
type envoyPage struct {
	Ready        bool            `json:"ready"`
	Connected    int             `json:"connected"`
	Revision     uint64          `json:"revision"`
	Acknowledged uint64          `json:"acknowledged"`
	Rejected     []xds.Rejection `json:"rejected"`
}

func (c *controller) diagnostics(ctx context.Context) (any, error) {
	state := c.server.State()
	var snapshot *Snapshot
	if err := c.loop.ask(ctx, func() { snapshot = c.loop.snapshot() }); err != nil {
		return nil, fmt.Errorf("the event loop is busy: %w", err)
	}
	return diagnosticsPage{
		AmbassadorID: c.options.Environment.AmbassadorID,
		Namespace:    c.options.Environment.Namespace,
		Hostname:     hostname(),
		Envoy: envoyPage{
			Ready: state.Ready, Connected: state.Clients, Revision: state.Revision,
			Acknowledged: state.Acknowledged, Rejected: state.Rejected,
		},
		Snapshot: snapshot,
	}, nil
}
