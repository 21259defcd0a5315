package kube

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// Update reads an object, lets the function make the new one of it, and writes
// that back; when someone else has written it meanwhile, it begins again. An
// object that is gone is left alone. The function's error ends it as it is.
func (c *Client) Update(ctx context.Context, ref Ref, change func(*unstructured.Unstructured) (*unstructured.Unstructured, error)) error {
	var refused error
	defer c.listings.of(ref).writes.Add(1)
	err := c.retry(ctx, "update", ref, false, func(ctx context.Context) error {
		object, err := c.resource(ref).Get(ctx, ref.Name, metav1.GetOptions{})
		if err == nil {
			object, refused = change(object)
		}
		if err == nil && refused == nil {
			_, err = c.resource(ref).Update(ctx, object, metav1.UpdateOptions{FieldManager: c.fieldManager})
		}
		if apierrors.IsNotFound(err) {
			return c.confirmGone(ctx, ref, err)
		}
		return err
	})
	if err != nil {
		return err
	}
	return refused
}

// Patch merges fields into an object, or into a subresource of it such as
// "status". A null removes a field.
func (c *Client) Patch(ctx context.Context, ref Ref, fields map[string]any, subresource ...string) error {
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("patch of %s: %w", ref, err)
	}
	defer c.listings.of(ref).writes.Add(1)
	return c.retry(ctx, "update", ref, false, func(ctx context.Context) error {
		_, err := c.resource(ref).Patch(ctx, ref.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: c.fieldManager}, subresource...)
		return err
	})
}

// Count returns how many objects of a type there are in all namespaces; none
// when the server does not know the type.
func (c *Client) Count(ctx context.Context, t Type) (count int64, err error) {
	ref := Ref{Type: t, Name: "of any name"}
	for next := ""; ; {
		var page *unstructured.UnstructuredList
		err := c.retry(ctx, "list", ref, false, func(ctx context.Context) (err error) {
			page, err = c.dynamic.Resource(t.GroupVersionResource).List(ctx, metav1.ListOptions{Limit: 1, Continue: next})
			if apierrors.IsNotFound(err) {
				page = &unstructured.UnstructuredList{}
				return c.confirmGone(ctx, ref, err)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
		count += int64(len(page.Items))
		// The server counts what it leaves out, unless it answers from a cache
		// that cannot.
		if left := page.GetRemainingItemCount(); left != nil {
			return count + *left, nil
		}
		if next = page.GetContinue(); next == "" {
			return count, nil
		}
	}
}
