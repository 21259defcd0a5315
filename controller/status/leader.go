package status

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Labels of the Lease. Terraform's wait finds the controllers of a cluster by them.
const (
	LabelAmbassadorID = "getambassador.io/ambassador-id"
	LabelManagedBy    = "app.kubernetes.io/managed-by"
	ManagedBy         = "terraform-provider-emissary"
)

// Times of the leader election; those that Kubernetes' own controllers use.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// ElectionOptions say which Lease is contended for.
type ElectionOptions struct {
	Client kubernetes.Interface
	// Namespace of the Lease: the controller's own.
	Namespace string
	// AmbassadorID makes the Lease's name, emissary-<id>, and its label.
	AmbassadorID string
	// Identity names this process among its replicas.
	Identity string
	Log      *slog.Logger
}

// Elect contends for the Lease until the context ends, running lead for as long as it is held. The context of lead ends
// with the leadership.
func Elect(ctx context.Context, options ElectionOptions, lead func(context.Context)) error {
	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: options.Namespace, Name: "emissary-" + options.AmbassadorID},
		Client:     options.Client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: options.Identity},
		Labels:     map[string]string{LabelAmbassadorID: options.AmbassadorID, LabelManagedBy: ManagedBy},
	}
	for ctx.Err() == nil {
		led := make(chan struct{})
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock:            lock,
			LeaseDuration:   leaseDuration,
			RenewDeadline:   renewDeadline,
			RetryPeriod:     retryPeriod,
			ReleaseOnCancel: true,
			Name:            lock.LeaseMeta.Name,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					close(led)
					options.Log.Info("leading: this replica writes status", "lease", options.Namespace+"/"+lock.LeaseMeta.Name)
					lead(ctx)
				},
				OnStoppedLeading: func() { // called as well when there was nothing to stop
					select {
					case <-led:
						options.Log.Info("not leading: another replica may write status")
					default:
					}
				},
			},
		})
		if err != nil {
			return fmt.Errorf("leader election on lease %s/%s: %w", options.Namespace, lock.LeaseMeta.Name, err)
		}
		elector.Run(ctx) // returns when the leadership is lost
	}
	return nil
}
