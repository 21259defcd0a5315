package kube

import (
	"context"
	"errors"
	"fmt"
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
			return c.confirmGone(ctx, ref, err)
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

// confirmServer guards against a server that answers 404 to everything, such as
// a web server at a mistyped host: taking its word would drop every object from
// the state, or wait for a CRD that cannot come. It returns nil where an API
// server says "not found".
func (c *Client) confirmServer(err error) error {
	if !isUnknownType(err) {
		return nil
	}
	_, err = c.discovery.ServerVersion()
	if apierrors.IsNotFound(err) {
		return errNoAPIServer
	}
	return err
}

// confirmGone returns nil for a "not found" that can be believed. A server that
// says so of a whole type whose CRD is there is about to serve it, or one of
// several servers that has not seen the CRD yet: the objects are there, too.
func (c *Client) confirmGone(ctx context.Context, ref Ref, err error) error {
	if !isUnknownType(err) {
		return nil
	}
	if err := c.confirmServer(err); err != nil {
		return err
	}
	definition := CRDRef(ref.GroupResource().String())
	crd, err := c.resource(definition).Get(ctx, definition.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		return nil
	case err != nil:
		return err
	case crd.GetDeletionTimestamp() != nil:
		return nil // and the objects with it
	}
	return &unservedError{ref.Type}
}

// unservedError is the "not found" of confirmGone that cannot be believed.
type unservedError struct{ Type }

func (e *unservedError) Error() string {
	return fmt.Sprintf("the CRD %s is there, but the server does not serve %s", e.GroupResource(), e.GroupVersion())
}

func isUnserved(err error) bool {
	var unserved *unservedError
	return errors.As(err, &unserved)
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
			return c.confirmGone(ctx, ref, err)
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
