package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	conditionAccepted   = "Accepted"
	conditionProgrammed = "Programmed"
	reasonPending       = "Pending"

	// pollEvery is how often the object is read where it may not be watched.
	pollEvery = time.Second
	// doubtEvery is how often it is read beside a watch that says nothing: a
	// connection can die without either end being told.
	doubtEvery = 30 * time.Second
	// settle is how long a failure must last before it is believed: in one
	// apply, a Host may come before the TLSContext or Listener it needs.
	settle = 10 * time.Second
)

// WaitServed waits until the controller reports that Envoy acknowledged a
// configuration made from this generation of the object, or newer. Where several
// instances report on the object, each of those given must; without any given,
// the one that speaks for all. It fails with the controller's reason when the
// object stays refused, and says what it last knew when the context ends.
func (c *Client) WaitServed(ctx context.Context, ref Ref, generation int64, instances []string) error {
	w := &servedWait{client: c, ref: ref, generation: generation, instances: instances}
	for {
		done, err := w.once(ctx)
		if done || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return w.timedOut(ctx)
		}
	}
}

type servedWait struct {
	client     *Client
	ref        Ref
	generation int64
	instances  []string

	last         verdict
	failingSince time.Time
}

// once reads the object and then follows its changes until it is settled, the
// watch ends, or a failure has had its time to go away.
func (w *servedWait) once(ctx context.Context) (done bool, err error) {
	object, err := w.client.Get(ctx, w.ref)
	if err != nil {
		if ctx.Err() != nil {
			return false, nil
		}
		return false, err
	}
	if done, err := w.see(object); done || err != nil {
		return done, err
	}
	events, stop := w.watch(ctx, object.GetResourceVersion())
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case <-w.again(events == nil):
			return false, nil
		case event, open := <-events:
			if !open || event.Type == watch.Error {
				pause(ctx, firstPause)
				return false, nil
			}
			object, ok := event.Object.(*unstructured.Unstructured)
			if event.Type == watch.Deleted {
				object = nil
			} else if !ok {
				continue
			}
			if done, err := w.see(object); done || err != nil {
				return done, err
			}
		}
	}
}

// watch follows one object; a nil channel means that watching is not possible,
// usually not permitted, and reading must do.
func (w *servedWait) watch(ctx context.Context, resourceVersion string) (<-chan watch.Event, func()) {
	watcher, err := w.client.resource(w.ref).Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector("metadata.name", w.ref.Name).String(),
		ResourceVersion: resourceVersion,
	})
	if err != nil {
		return nil, func() {}
	}
	return watcher.ResultChan(), watcher.Stop
}

// again fires when the object must be read again without an event.
func (w *servedWait) again(polling bool) <-chan time.Time {
	switch {
	case polling:
		return time.After(pollEvery)
	case !w.failingSince.IsZero():
		return time.After(time.Until(w.failingSince.Add(settle)))
	}
	return time.After(doubtEvery)
}

// see judges the object as it is now; nil means it is gone.
func (w *servedWait) see(object *unstructured.Unstructured) (done bool, err error) {
	if object == nil {
		return false, fmt.Errorf("%s was deleted while waiting for it to be served", w.ref)
	}
	w.last = judge(object, w.generation, w.instances)
	if !w.last.failed {
		w.failingSince = time.Time{}
		return w.last.served, nil
	}
	if w.failingSince.IsZero() {
		w.failingSince = time.Now()
	}
	if time.Since(w.failingSince) >= settle {
		return false, fmt.Errorf("%s was applied but is not served: %s", w.ref, w.last.text)
	}
	return false, nil
}

func (w *servedWait) timedOut(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("interrupted while waiting for %s to be served", w.ref)
	}
	text := w.last.text
	if text == "" {
		text = "no controller has reported on it; is one running that serves its ambassador_id?"
	}
	return fmt.Errorf("%s was applied but not served in time: %s", w.ref, text)
}

// IsServed reports whether an object that was read says that Envoy serves it as
// it is, to each living controller that serves one of the ambassador ids.
func (c *Client) IsServed(ctx context.Context, object *unstructured.Unstructured, ambassadorIDs []string) bool {
	return judge(object, object.GetGeneration(), c.Controllers(ctx, ambassadorIDs)).served
}

// Verdict is what a controller says about an object as it is now. Neither served
// nor refused is one that it has not reported on.
type Verdict struct {
	Served, Refused bool
	// Why is the reason and message; it may be empty.
	Why string
}

// Judge reads from an object what the controller of that ambassador id reports.
func Judge(object *unstructured.Unstructured, ambassadorID string) Verdict {
	v := judge(object, object.GetGeneration(), []string{ambassadorID})
	return Verdict{Served: v.served, Refused: v.failed, Why: v.text}
}

// verdict is what the conditions of an object say about one generation.
type verdict struct {
	served, failed bool
	// text is the reason and message of the condition that decides; empty when
	// the controller has said nothing about this generation.
	text string
}

// judge judges by what the instances say, each in its entry, where there are
// entries, or else by the conditions of the object.
func judge(object *unstructured.Unstructured, generation int64, instances []string) verdict {
	said := statusOf(object)
	if len(instances) == 0 || len(said.Instances) == 0 {
		return judgeConditions(said.Conditions, generation)
	}
	all := verdict{served: true}
	for _, id := range instances {
		var conditions []metav1.Condition
		for _, instance := range said.Instances {
			if instance.AmbassadorID == id {
				conditions = instance.Conditions
			}
		}
		one := judgeConditions(conditions, generation)
		all.served = all.served && one.served
		if one.text != "" && (all.text == "" || one.failed && !all.failed) {
			all.text = "instance " + id + ": " + one.text
		}
		all.failed = all.failed || one.failed
	}
	return all
}

func judgeConditions(conditions []metav1.Condition, generation int64) verdict {
	var v verdict
	for _, condition := range conditions {
		if condition.ObservedGeneration < generation {
			continue
		}
		text := fmt.Sprintf("%s (%s)", condition.Message, condition.Reason)
		switch {
		case condition.Type == conditionProgrammed && condition.Status == metav1.ConditionTrue:
			return verdict{served: true}
		case condition.Type == conditionAccepted && condition.Status == metav1.ConditionFalse:
			v.failed, v.text = true, text
		case condition.Type == conditionProgrammed && condition.Status == metav1.ConditionFalse && !v.failed:
			v.failed, v.text = condition.Reason != reasonPending, text
		}
	}
	return v
}

// reported is what controllers say in the status of an object.
type reported struct {
	Conditions []metav1.Condition `json:"conditions"`
	Instances  []struct {
		AmbassadorID string             `json:"ambassador_id"`
		Conditions   []metav1.Condition `json:"conditions"`
	} `json:"instances"`
}

func statusOf(object *unstructured.Unstructured) reported {
	var from struct {
		Status reported `json:"status"`
	}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &from) != nil {
		return reported{} // Not the controller's own shape: the same as no report.
	}
	return from.Status
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
