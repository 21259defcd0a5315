package release

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/action"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// install makes the first revision. It reports whether anything was changed in
// the cluster, which decides what a failure leaves behind.
func (s *session) install(ctx context.Context, spec Spec) (changed bool, err error) {
	if spec.CreateNamespace {
		if err := s.ensureNamespace(ctx, spec.Namespace); err != nil {
			return false, err
		}
	}
	install := action.NewInstall(s.actions)
	install.ReleaseName, install.Namespace = spec.Name, spec.Namespace
	install.Wait, install.WaitForJobs = spec.Wait || spec.Atomic, spec.WaitForJobs
	install.SkipCRDs = spec.SkipCRDs
	install.TakeOwnership = spec.TakeOwnership
	install.DisableHooks = spec.DisableHooks
	install.PostRenderer = spec.postRenderer()
	install.Timeout = remaining(ctx)
	install.Labels = heartbeatLabels()
	stop := s.keepAlive(spec.Name)
	_, err = install.Run(spec.Chart, spec.Values)
	stop()
	return s.recorded(spec.Name, 0), err
}

// upgrade makes the next revision.
func (s *session) upgrade(ctx context.Context, spec Spec, last *helmrelease.Release) (changed bool, err error) {
	if s.kube.leftovers, err = s.leftovers(spec.Name); err != nil {
		return false, err
	}
	upgrade := action.NewUpgrade(s.actions)
	upgrade.Namespace = spec.Namespace
	upgrade.Wait, upgrade.WaitForJobs = spec.Wait || spec.Atomic, spec.WaitForJobs
	upgrade.TakeOwnership = spec.TakeOwnership
	upgrade.DisableHooks = spec.DisableHooks
	upgrade.MaxHistory = spec.MaxHistory
	// Helm would otherwise keep the old values when there are no new ones.
	upgrade.ResetValues = true
	upgrade.PostRenderer = spec.postRenderer()
	upgrade.Timeout = remaining(ctx)
	upgrade.Labels = heartbeatLabels()
	stop := s.keepAlive(spec.Name)
	_, err = upgrade.Run(spec.Name, spec.Chart, spec.Values)
	stop()
	return s.recorded(spec.Name, last.Version), err
}

// recorded reports whether there is a revision after the given one: Helm writes
// it before it changes anything.
func (s *session) recorded(name string, after int) bool {
	last, err := s.last(name)
	return err == nil && last.Version > after
}

// uninstall removes the release and all its revisions.
func (s *session) uninstall(ctx context.Context, name string, options DeleteOptions) (kept []string, err error) {
	s.kube.skipUnknownKinds = true
	if s.kube.leftovers, err = s.leftovers(name); err != nil && !errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, err
	}
	uninstall := action.NewUninstall(s.actions)
	uninstall.IgnoreNotFound = true
	uninstall.Wait = true
	uninstall.DisableHooks = options.DisableHooks
	uninstall.Timeout = remaining(ctx)
	response, err := uninstall.Run(name)
	if failure := s.kube.deleteFailure; failure != nil {
		err = failure
	}
	if response != nil {
		kept = keptObjects(response.Info)
	}
	return kept, err
}

// keptObjects reads "[CustomResourceDefinition] hosts.getambassador.io" out of
// the text in which Helm reports them.
func keptObjects(text string) (kept []string) {
	for line := range strings.Lines(text) {
		if kind, name, found := strings.Cut(strings.TrimSpace(line), "] "); found && strings.HasPrefix(kind, "[") {
			kept = append(kept, strings.TrimPrefix(kind, "[")+" "+name)
		}
	}
	return kept
}

// remaining is what Helm's own timeouts get: it takes durations only. The
// context is what really bounds an operation.
func remaining(ctx context.Context) time.Duration {
	deadline, found := ctx.Deadline()
	if !found {
		return math.MaxInt64
	}
	return max(time.Until(deadline), time.Second)
}
