// Package release installs, upgrades, repairs and removes Helm releases. It
// wraps the Helm SDK so that every call is bounded by its context, leaves a
// release that the next call can finish, uses no file that two calls share, and
// fails with an error that names the object and the reason.
package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/postrender"
	helmrelease "helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/client-go/rest"

	kubeclient "terraform-provider-emissary/internal/kube"
)

// ErrNotFound reports that there is no such release. Match it with errors.Is.
var ErrNotFound = errors.New("release not found")

// cleanupTimeout bounds undoing a failed change (Spec.Atomic), which begins when
// the time for the change itself may be over.
const cleanupTimeout = 5 * time.Minute

// Spec says what a release should be.
type Spec struct {
	Name, Namespace string
	Chart           *chart.Chart
	// Values are the user's values, without the chart's defaults.
	Values map[string]any
	// Kustomization changes what the chart renders; nil changes nothing.
	Kustomization *Kustomization

	// CreateNamespace creates the namespace where it is missing.
	CreateNamespace bool
	// Wait returns only when the objects of the release are ready, WaitForJobs
	// when its Jobs have completed too.
	Wait, WaitForJobs bool
	// Atomic undoes a change that fails: an install is uninstalled, an upgrade
	// rolled back to the last revision that was deployed. It includes Wait.
	Atomic bool
	// SkipCRDs leaves out the files in the chart's crds folder.
	SkipCRDs bool
	// TakeOwnership adopts objects that exist and belong to no release, or to
	// another one.
	TakeOwnership bool
	// DisableHooks runs none of the chart's hooks.
	DisableHooks bool
	// MaxHistory is how many revisions are kept; 0 keeps all.
	MaxHistory int

	// KubernetesVersion and APIVersions are what the templates see in Render, where
	// no cluster is asked: "1.33" (empty is renderVersion), and APIs besides those
	// of Kubernetes itself, such as "monitoring.coreos.com/v1".
	KubernetesVersion string
	APIVersions       []string
}

// postRenderer is what Helm takes; it would call a nil Kustomization.
func (s Spec) postRenderer() postrender.PostRenderer {
	if s.Kustomization == nil {
		return nil
	}
	return s.Kustomization
}

func (s Spec) ref() Ref { return Ref{Namespace: s.Namespace, Name: s.Name} }

// Ref names a release.
type Ref struct{ Namespace, Name string }

func (r Ref) String() string { return r.Namespace + "/" + r.Name }

// Info is what is known about a release in the cluster.
type Info struct {
	// Revision counts the changes of the release, from 1.
	Revision int
	// Status is Helm's: deployed, failed, pending-install and so on.
	Status string
	// Description says in words how the last change ended.
	Description string
	// ChartName, ChartVersion and AppVersion describe the chart.
	ChartName, ChartVersion, AppVersion string
	// ChartDigest is the Digest of the chart; empty for a chart with dependencies,
	// which Helm's records leave out.
	ChartDigest string
	// Published is where Emissary published its own chart, in the version of the
	// release; the zero Source for any other chart. Helm keeps no address of a chart.
	Published Source
	// Values are the user's values of this revision.
	Values map[string]any
}

// StatusDeployed is the Status of a release whose last change succeeded.
const StatusDeployed = string(helmrelease.StatusDeployed)

func newInfo(r *helmrelease.Release) *Info {
	info := &Info{Revision: r.Version, Values: r.Config}
	if r.Info != nil {
		info.Status, info.Description = r.Info.Status.String(), r.Info.Description
	}
	if r.Chart != nil && r.Chart.Metadata != nil {
		info.ChartName, info.ChartVersion, info.AppVersion = r.Chart.Name(), r.Chart.Metadata.Version, r.Chart.AppVersion()
		info.ChartDigest = recordDigest(r.Chart)
		info.Published = published(r.Chart.Metadata)
	}
	return info
}

// Client works on the releases of one cluster. It is safe for concurrent use.
type Client struct {
	kube   *kubeclient.Client
	config *rest.Config // of kube
	log    func(format string, arguments ...any)
	// open makes what one operation works with; tests replace the cluster.
	open func(ctx context.Context, namespace string) (*session, error)
}

// New returns a client for the releases of a cluster. It opens no connection. The log
// receives Helm's own debug messages; nil drops them.
func New(kube *kubeclient.Client, log func(format string, arguments ...any)) *Client {
	if log == nil {
		log = func(string, ...any) {}
	}
	c := &Client{kube: kube, config: kube.RESTConfig(), log: log}
	c.open = c.openSession
	return c
}

// Get returns the newest revision of a release, or ErrNotFound.
func (c *Client) Get(ctx context.Context, ref Ref) (*Info, error) {
	last, err := c.newest(ctx, ref)
	if err != nil {
		return nil, err
	}
	return newInfo(last), nil
}

// newest reads the newest revision of a release.
func (c *Client) newest(ctx context.Context, ref Ref) (*helmrelease.Release, error) {
	var last *helmrelease.Release
	_, err := retry(ctx, func() (bool, error) {
		s, err := c.open(ctx, ref.Namespace)
		if err == nil {
			last, err = s.last(ref.Name)
		}
		return false, err
	})
	if err != nil {
		return nil, c.failure("read", ref, err)
	}
	return last, nil
}

// Apply makes the release what the spec says: it installs a new one, upgrades
// one that exists, and takes over one whose last change failed or was abandoned.
// Kinds and a namespace that are not there yet are waited for until the context
// ends. When it fails after something was changed, the release it returns beside
// the error is what is in the cluster.
func (c *Client) Apply(ctx context.Context, spec Spec) (*Info, error) {
	verb := "install"
	changed, err := retry(ctx, func() (bool, error) {
		s, err := c.open(ctx, spec.Namespace)
		if err != nil {
			return false, err
		}
		last, err := s.settled(ctx, spec.Name)
		switch {
		case errors.Is(err, ErrNotFound):
			verb = "install"
			return s.install(ctx, spec)
		case err != nil:
			return false, err
		default:
			verb = "upgrade"
			return s.upgrade(ctx, spec, last)
		}
	})
	if err != nil {
		err = c.failure(verb, spec.ref(), err)
		if changed && spec.Atomic {
			err = c.undo(ctx, spec, verb, err)
		}
	}
	if !changed {
		return nil, err
	}
	// The context may be over; what there is must be told nevertheless.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	info, getErr := c.Get(after, spec.ref())
	if errors.Is(getErr, ErrNotFound) && err != nil {
		return nil, err
	}
	return info, errors.Join(err, getErr)
}

// undo takes a failed change back and adds how that went to the error.
func (c *Client) undo(ctx context.Context, spec Spec, verb string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if verb == "install" {
		if _, err := c.Delete(ctx, spec.ref(), DeleteOptions{DisableHooks: spec.DisableHooks}); err != nil {
			return fmt.Errorf("%w; uninstalling it again failed too: %w", cause, err)
		}
		return fmt.Errorf("%w; the release is uninstalled again because atomic is set", cause)
	}
	revision, err := c.rollback(ctx, spec)
	if err != nil {
		return fmt.Errorf("%w; rolling back failed too: %w", cause, err)
	}
	return fmt.Errorf("%w; the release is rolled back to revision %d because atomic is set", cause, revision)
}

// rollback returns to the last revision that was deployed, which it returns.
func (c *Client) rollback(ctx context.Context, spec Spec) (int, error) {
	s, err := c.open(ctx, spec.Namespace)
	if err != nil {
		return 0, err
	}
	good, err := s.lastGood(spec.Name)
	if err != nil {
		return 0, err
	}
	rollback := action.NewRollback(s.actions)
	rollback.Version = good.Version
	rollback.Wait, rollback.WaitForJobs = true, spec.WaitForJobs
	rollback.DisableHooks = spec.DisableHooks
	rollback.MaxHistory = spec.MaxHistory
	rollback.Timeout = remaining(ctx)
	return good.Version, rollback.Run(spec.Name)
}

// DeleteOptions are the choices of an uninstall.
type DeleteOptions struct {
	DisableHooks bool
	// Namespace deletes the namespace too if an install created it and nothing
	// else is left in it.
	Namespace bool
}

// Delete uninstalls a release and waits until its objects are gone. A release
// that does not exist is a success. It returns what is worth telling about what
// stays: objects with the annotation helm.sh/resource-policy: keep, and a
// namespace that still holds something.
func (c *Client) Delete(ctx context.Context, ref Ref, options DeleteOptions) (kept []string, err error) {
	var s *session
	_, err = retry(ctx, func() (bool, error) {
		if s, err = c.open(ctx, ref.Namespace); err == nil {
			kept, err = s.uninstall(ctx, ref.Name, options)
		}
		return false, err
	})
	if err != nil {
		return kept, c.failure("uninstall", ref, err)
	}
	if !options.Namespace {
		return kept, nil
	}
	note, err := s.deleteOwnNamespace(ctx, ref.Namespace)
	if err != nil {
		return kept, c.failure("uninstall", ref, err)
	}
	if note != "" {
		kept = append(kept, note)
	}
	return kept, nil
}

// last returns the newest revision of a release, or ErrNotFound.
func (s *session) last(name string) (*helmrelease.Release, error) {
	last, err := s.actions.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, ErrNotFound
	}
	return last, err
}

// lastGood returns the newest revision that was deployed once.
func (s *session) lastGood(name string) (*helmrelease.Release, error) {
	history, err := s.actions.Releases.History(name)
	if err != nil {
		return nil, err
	}
	var good *helmrelease.Release
	for _, r := range history {
		status := r.Info.Status
		if (status == helmrelease.StatusDeployed || status == helmrelease.StatusSuperseded) && (good == nil || r.Version > good.Version) {
			good = r
		}
	}
	if good == nil {
		return nil, errors.New("no revision of it was ever deployed")
	}
	return good, nil
}
