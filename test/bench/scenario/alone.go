package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	emissary "terraform-provider-emissary/provider"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

const mappingType = "emissary_mapping"

// alone applies and refreshes the Mappings with the provider and no engine: with the requests of the protocol, as many at a
// time, in this process.
func (p *provider) alone(ctx context.Context) error {
	server, object, err := p.configured(ctx)
	if err != nil {
		return err
	}
	states := make([]*tfprotov6.DynamicValue, p.n)
	null, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, nil))
	if err != nil {
		return err
	}
	cost, err := p.each(func(i int) error {
		planned, err := mappingState(object, i)
		if err != nil {
			return err
		}
		resp, err := server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{TypeName: mappingType, PriorState: &null, PlannedState: planned})
		if err != nil {
			return err
		}
		states[i] = resp.NewState
		return problem(resp.Diagnostics)
	})
	if err != nil {
		return err
	}
	p.add(report.OpApply, report.WithoutEngine, "", cost)

	// A refresh is another process.
	if server, object, err = p.configured(ctx); err != nil {
		return err
	}
	cost, err = p.each(func(i int) error {
		resp, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: mappingType, CurrentState: states[i]})
		if err != nil {
			return err
		}
		return problem(resp.Diagnostics)
	})
	if err != nil {
		return err
	}
	p.add(report.OpRefresh, report.WithoutEngine, "", cost)
	return p.clear(ctx)
}

// configured is a provider that knows the control plane, and the type of its Mappings.
func (p *provider) configured(ctx context.Context) (tfprotov6.ProviderServer, tftypes.Object, error) {
	server := emissary.NewServer("bench")
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, tftypes.Object{}, err
	}
	block, _ := schemas.Provider.ValueType().(tftypes.Object)
	object, _ := schemas.ResourceSchemas[mappingType].ValueType().(tftypes.Object)
	config, err := dynamicValue(block, map[string]any{"config_path": p.plane.Kubeconfig})
	if err != nil {
		return nil, tftypes.Object{}, err
	}
	resp, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: config})
	if err != nil {
		return nil, tftypes.Object{}, err
	}
	return server, object, problem(resp.Diagnostics)
}

// mappingState is the Mapping of the configurations.
func mappingState(object tftypes.Object, i int) (*tfprotov6.DynamicValue, error) {
	name := fmt.Sprintf("bench-%d", i)
	return dynamicValue(object, map[string]any{"id": "default/" + name, "name": name, "namespace": "default",
		"hostname": "*", "prefix": "/" + name + "/", "service": "quote.default:80", "timeout_ms": 4000})
}

// dynamicValue is an object with these attributes, the others null.
func dynamicValue(object tftypes.Object, set map[string]any) (*tfprotov6.DynamicValue, error) {
	values := map[string]tftypes.Value{}
	for name, attribute := range object.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, set[name])
	}
	value, err := tfprotov6.NewDynamicValue(object, tftypes.NewValue(object, values))
	return &value, err
}

func problem(diagnostics []*tfprotov6.Diagnostic) error {
	for _, d := range diagnostics {
		return fmt.Errorf("%s: %s", d.Summary, d.Detail)
	}
	return nil
}

// each calls the function for every Mapping, as many at a time as an engine does, and returns what that takes.
func (p *provider) each(call func(i int) error) (testbed.Cost, error) {
	began, used := time.Now(), ownTime()
	failures := make([]error, parallelism)
	var all sync.WaitGroup
	for worker := range parallelism {
		all.Go(func() {
			for i := worker; i < p.n && failures[worker] == nil; i += parallelism {
				failures[worker] = call(i)
			}
		})
	}
	all.Wait()
	return testbed.Cost{Wall: time.Since(began), CPU: ownTime() - used}, errors.Join(failures...)
}

// ownTime is the processor time of this process.
func ownTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
