package kustomization

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/internal/kube"
)

// Refresh brings the records up to date with the cluster: what is gone is left
// out, and what others have changed is noted.
func (c Cluster) Refresh(ctx context.Context, known Records) (Records, error) {
	out := &Outcome{Records: Records{}}
	objects := make([]Object, 0, len(known))
	for _, record := range known {
		objects = append(objects, record.object())
	}
	sortForApply(objects)
	each(objects, func(o Object) {
		record := known[o.ID()]
		live, err := c.read(ctx, o)
		if err == nil && live != nil {
			if record, err = record.compare(live); err == nil {
				out.put(o.ID(), c.recheck(ctx, record, live))
			}
		}
		if err != nil {
			out.fail(o.String(), err)
		}
	})
	if len(out.Failures) > 0 {
		return known, out.Failures[0].Err
	}
	return out.Records, nil
}

// recheck looks again at an object that was not ready.
func (c Cluster) recheck(ctx context.Context, record Record, live *unstructured.Unstructured) Record {
	if record.NotReady == "" {
		return record
	}
	ready := kube.ReadinessOf(live).Ready
	if live.GroupVersionKind().Group == kube.Group {
		ready = c.Client.IsServed(ctx, live, kube.AmbassadorIDs(live.Object))
	}
	if ready {
		record.NotReady = ""
	}
	return record
}

// read returns an object, or nil when it or its kind is not there.
func (c Cluster) read(ctx context.Context, o Object) (*unstructured.Unstructured, error) {
	found, known, err := c.Client.FindType(ctx, o.GroupVersionKind())
	if err != nil || !known {
		return nil, err
	}
	return c.Client.Refresh(ctx, refIn(found, o))
}

// Adopt returns the records of those of the objects that are there, whoever made
// them. The API server is asked what applying them would change, and changes
// nothing.
func (c Cluster) Adopt(ctx context.Context, objects []Object) (Records, error) {
	out := &Outcome{Records: Records{}}
	each(objects, func(o Object) {
		if err := c.adopt(ctx, o, out); err != nil {
			out.fail(o.String(), err)
		}
	})
	if len(out.Failures) > 0 {
		return nil, out.Failures[0].Err
	}
	return out.Records, nil
}

func (c Cluster) adopt(ctx context.Context, o Object, out *Outcome) error {
	live, err := c.read(ctx, o)
	if err != nil || live == nil {
		return err
	}
	ref, err := c.refOf(ctx, o)
	if err != nil {
		return err
	}
	force := true
	would, err := c.Client.Apply(ctx, ref, o.Object, kube.ApplyOptions{Force: &force, DryRun: true})
	if err != nil {
		return err
	}
	record, err := recordOf(o, would.Object, c.Client.FieldManager())
	if err != nil {
		return err
	}
	if record, err = record.compare(live); err != nil {
		return err
	}
	out.put(o.ID(), record)
	return nil
}
