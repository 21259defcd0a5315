package release

import (
	"context"
	"fmt"
	"strconv"
	"time"

	helmrelease "helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A change in progress is a revision with the status pending. Helm has no way to
// tell one that is being worked on from one whose process died, and refuses
// both for ever. Here a process renews its revision's label modifiedAt while it
// works; who finds a pending revision waits as long as that goes on, and takes
// over when it has stopped.
const (
	heartbeat = 10 * time.Second
	// abandonedAfter without a heartbeat, a change by this package counts as
	// abandoned; one by another program, which gives no heartbeats, after
	// foreignGrace, Helm's own default timeout.
	abandonedAfter = 3 * heartbeat
	foreignGrace   = 5 * time.Minute

	heartbeatLabel = "terraform-provider-emissary/heartbeat"
	modifiedLabel  = "modifiedAt"
	createdLabel   = "createdAt"
)

// settled returns the newest revision once no one is working on it: as deployed,
// superseded or failed, from which Helm can go on. It waits for a change that is
// in progress, and marks one that was abandoned as failed.
func (s *session) settled(ctx context.Context, name string) (*helmrelease.Release, error) {
	for {
		last, err := s.last(name)
		if err != nil {
			return nil, err
		}
		switch last.Info.Status {
		case helmrelease.StatusDeployed, helmrelease.StatusSuperseded, helmrelease.StatusFailed:
			return last, nil
		}
		wait := s.untilAbandoned(last)
		if wait <= 0 {
			s.log("taking over revision %d of %s, which was left %s", last.Version, name, last.Info.Status)
			last.SetStatus(helmrelease.StatusFailed, fmt.Sprintf("abandoned while %s", last.Info.Status))
			return last, s.actions.Releases.Update(last)
		}
		select {
		case <-ctx.Done():
			return nil, &Error{
				Problem: fmt.Sprintf("another change of it is in progress (revision %d is %s)", last.Version, last.Info.Status),
				Advice:  "Wait for it to end, or give this resource a longer timeout.",
				Err:     context.Cause(ctx),
			}
		case <-time.After(min(wait, time.Second)):
		}
	}
}

// untilAbandoned is how long a pending revision is still waited for.
func (s *session) untilAbandoned(r *helmrelease.Release) time.Duration {
	if !r.Info.Status.IsPending() && r.Info.Status != helmrelease.StatusUninstalling {
		return 0
	}
	touched, ours := s.lastTouched(r)
	if ours {
		return time.Until(touched.Add(abandonedAfter))
	}
	return time.Until(touched.Add(foreignGrace))
}

// lastTouched tells when the record of a revision was last written, and whether
// its writer gives heartbeats.
func (s *session) lastTouched(r *helmrelease.Release) (touched time.Time, ours bool) {
	touched = r.Info.LastDeployed.Time
	if r.Info.Status == helmrelease.StatusUninstalling && r.Info.Deleted.After(r.Info.LastDeployed) {
		touched = r.Info.Deleted.Time
	}
	for _, label := range []string{createdLabel, modifiedLabel} {
		if seconds, err := strconv.ParseInt(r.Labels[label], 10, 64); err == nil && time.Unix(seconds, 0).After(touched) {
			touched = time.Unix(seconds, 0)
		}
	}
	return touched, r.Labels[heartbeatLabel] != ""
}

// heartbeatLabels mark the revisions of this package as ones with a heartbeat.
func heartbeatLabels() map[string]string { return map[string]string{heartbeatLabel: "true"} }

// keepAlive renews the pending revision of a release until it is stopped.
func (s *session) keepAlive(name string) (stop func()) {
	if s.records == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(heartbeat):
				s.beat(ctx, name)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// beat renews the label of the pending revision. A failure only means that
// others take the change for abandoned sooner.
func (s *session) beat(ctx context.Context, name string) {
	records := s.records.CoreV1().Secrets(s.namespace)
	pending, err := records.List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + name + ",status in (pending-install,pending-upgrade,pending-rollback)"})
	if err != nil {
		s.log("heartbeat of %s: %v", name, err)
		return
	}
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:"%d"}}}`, modifiedLabel, time.Now().Unix())
	for _, record := range pending.Items {
		if _, err := records.Patch(ctx, record.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			s.log("heartbeat of %s: %v", name, err)
		}
	}
}
