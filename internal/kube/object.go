package kube

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Get reads an object. An object that is not there, or whose CRD or namespace
// is not there, gives nil and no error.
func (c *Client) Get(ctx context.Context, ref Ref) (*unstructured.Unstructured, error) {
	var object *unstructured.Unstructured
	err := c.retry(ctx, "read", ref, false, func(ctx context.Context) error {
		var err error
		object, err = c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			object = nil
			return c.confirmGone(err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return object, nil
}

// errNoAPIServer is the answer of a server that is something else.
var errNoAPIServer = errors.New("the server is no Kubernetes API server")

// confirmGone guards against a server that answers 404 to everything, such as a
// web server at a mistyped host: taking its word would drop every object from
// the state, or wait for a CRD that cannot come. It returns nil for a "not
// found" that can be believed.
func (c *Client) confirmGone(err error) error {
	if !isUnknownType(err) {
		return nil
	}
	_, err = c.discovery.ServerVersion()
	if apierrors.IsNotFound(err) {
		return errNoAPIServer
	}
	return err
}

// Delete deletes an object and waits until it is gone, finalizers included. An
// object that is gone already, or whose CRD or namespace is, is deleted.
func (c *Client) Delete(ctx context.Context, ref Ref) error {
	// In the foreground, the object would stay until the garbage collector has
	// been by; dependents do not matter to whoever deletes it.
	background := metav1.DeletePropagationBackground
	defer c.listings.of(ref).writes.Add(1)
	err := c.retry(ctx, "delete", ref, false, func(ctx context.Context) error {
		err := c.resource(ref).Delete(ctx, ref.Name, metav1.DeleteOptions{PropagationPolicy: &background})
		if apierrors.IsNotFound(err) {
			return c.confirmGone(err)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.waitGone(ctx, ref)
}

func (c *Client) waitGone(ctx context.Context, ref Ref) error {
	var last *unstructured.Unstructured
	pause := firstPause
	for {
		object, err := c.Get(ctx, ref)
		switch {
		case err == nil && object == nil:
			return nil
		case err != nil && ctx.Err() == nil:
			return err
		case err == nil:
			last = object
		}
		select {
		case <-ctx.Done():
			return c.stuck(ref, last)
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// stuck names what holds an object that does not go away.
func (c *Client) stuck(ref Ref, last *unstructured.Unstructured) error {
	e := &Error{Verb: "delete", Object: ref.String(), Server: c.Server(), Err: context.DeadlineExceeded,
		Problem: "it is still there after the delete timeout"}
	if last != nil && len(last.GetFinalizers()) > 0 {
		finalizers := slices.Sorted(slices.Values(last.GetFinalizers()))
		e.Problem += ", held by the finalizers " + strings.Join(finalizers, ", ")
		e.Advice = "Whoever set them must remove them; is that controller running?"
	}
	return e
}
