package scenario

import (
	"context"
	"fmt"
	"time"

	"terraform-provider-emissary/crds/v3alpha1"
	"terraform-provider-emissary/test/bench/report"
	"terraform-provider-emissary/test/bench/testbed"
)

// quiet is how long the number of writes must stand still to be final.
const quiet = time.Second

// Status edits Mappings one by one and counts, in the API server, the writes of status that follow.
func Status(ctx context.Context, s *Station, changes int) (report.Status, error) {
	before, err := s.stillWrites(ctx)
	if err != nil {
		return report.Status{}, err
	}
	for i := range changes {
		mapping := s.Shape.Mapping(i)
		if err := testbed.Update(ctx, s.Plane, mapping, func(m *v3alpha1.Mapping) {
			timeout := 5000 + s.N // another one at each station
			m.Spec.TimeoutMs = &timeout
		}); err != nil {
			return report.Status{}, err
		}
		if err := s.Plane.AwaitProgrammed(ctx, mapping); err != nil {
			return report.Status{}, err
		}
	}
	after, err := s.stillWrites(ctx)
	if err != nil {
		return report.Status{}, err
	}
	return report.Status{Shape: string(s.Shape), N: s.N, Changes: changes, Writes: after - before}, nil
}

// stillWrites returns the number of writes once it has stood still for a while: a write too many would come late.
func (s *Station) stillWrites(ctx context.Context) (writes int, err error) {
	writes, since := -1, time.Now()
	err = testbed.Await(ctx, "the writes of status to end", settleTimeout, func(ctx context.Context) error {
		now, err := s.Plane.StatusWrites(ctx)
		switch {
		case err != nil:
			return err
		case now != writes:
			writes, since = now, time.Now()
		case time.Since(since) >= quiet:
			return nil
		}
		return fmt.Errorf("%d so far", writes)
	})
	return writes, err
}
