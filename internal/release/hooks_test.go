package release_test

import (
	"context"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/chart"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"terraform-provider-emissary/internal/release"
)

// withHook is a release of a Job that runs before anything else, and never ends by
// itself.
func withHook(namespace string) release.Spec {
	manifest := "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: never\n  annotations: {helm.sh/hook: pre-install}\n" +
		"spec:\n  suspend: true\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: never, image: none}]\n"
	c := &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "hook", Version: "1.0.0"},
		Templates: []*chart.File{{Name: "templates/job.yaml", Data: []byte(manifest)}},
	}
	return release.Spec{Name: "hook", Namespace: namespace, Chart: c, CreateNamespace: true}
}

// applyInBackground begins an install and returns once its hook runs.
func (e *env) applyInBackground(ctx context.Context, t *testing.T, s release.Spec) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { _, err := e.client.Apply(ctx, s); done <- err }()
	eventually(t, func() bool {
		_, err := e.kubernetes.BatchV1().Jobs(s.Namespace).Get(t.Context(), "never", metav1.GetOptions{})
		return err == nil
	})
	return done
}

// testHookEndsWithContext: a hook that never completes holds no one up for longer
// than the context says, whether it has a deadline or is cancelled.
func testHookEndsWithContext(t *testing.T, e *env) {
	const most = 20 * time.Second
	began := time.Now()
	_, err := e.client.Apply(bound(t, 3*time.Second), withHook("hook-deadline"))
	wantError(t, err, "hook-deadline/hook", "Job hook-deadline/never: the hook has not completed")
	if took := time.Since(began); took > most {
		t.Errorf("with a deadline it took %s", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := e.applyInBackground(ctx, t, withHook("hook-cancel"))
	cancel()
	select {
	case err := <-done:
		wantError(t, err, "hook-cancel/hook", "Job hook-cancel/never: the hook has not completed")
	case <-time.After(most):
		t.Errorf("cancelled, it still waits after %s", most)
	}
}

// testHookEnds: a hook that completes lets the install go on, one that fails says
// why.
func testHookEnds(t *testing.T, e *env) {
	for _, test := range []struct {
		namespace string
		condition batchv1.JobConditionType
		err       []string
	}{
		{"hook-complete", batchv1.JobComplete, nil},
		{"hook-failed", batchv1.JobFailed, []string{"Job hook-failed/never: the hook failed, Test: said so"}},
	} {
		done := e.applyInBackground(bound(t, timeout), t, withHook(test.namespace))
		jobs := e.kubernetes.BatchV1().Jobs(test.namespace)
		eventually(t, func() bool {
			job, err := jobs.Get(t.Context(), "never", metav1.GetOptions{})
			if err != nil {
				return false
			}
			endJob(job, test.condition)
			_, err = jobs.UpdateStatus(t.Context(), job, metav1.UpdateOptions{})
			return err == nil
		})
		err := <-done
		if test.err == nil && err != nil {
			t.Errorf("%s: %v", test.namespace, err)
		}
		if test.err != nil {
			wantError(t, err, test.err...)
		}
	}
}

// endJob writes the status that the controller of Jobs would.
func endJob(job *batchv1.Job, condition batchv1.JobConditionType) {
	now := metav1.Now()
	job.Status.StartTime = &now
	before := batchv1.JobFailureTarget
	if condition == batchv1.JobComplete {
		before = batchv1.JobSuccessCriteriaMet
		job.Status.CompletionTime = &now
	}
	for _, each := range []batchv1.JobConditionType{before, condition} {
		job.Status.Conditions = append(job.Status.Conditions, batchv1.JobCondition{
			Type: each, Status: corev1.ConditionTrue, Reason: "Test", Message: "said so", LastTransitionTime: now,
		})
	}
}
