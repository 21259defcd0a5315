package kube

import (
	"context"
	"iter"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const pageSize = 500

// List reads the objects of a type, page by page: those in a namespace, or in all
// when it is empty, whose labels match the selector, or all when that is empty.
// It ends after the first error.
func (c *Client) List(ctx context.Context, t Type, namespace, selector string) iter.Seq2[*unstructured.Unstructured, error] {
	return func(yield func(*unstructured.Unstructured, error) bool) {
		for page, err := range c.pages(ctx, t, namespace, selector) {
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page.Items {
				if !yield(&page.Items[i], nil) {
					return
				}
			}
		}
	}
}

func (c *Client) pages(ctx context.Context, t Type, namespace, selector string) iter.Seq2[*unstructured.UnstructuredList, error] {
	of := Ref{Type: t, Namespace: namespace, Name: "of any name"}
	return func(yield func(*unstructured.UnstructuredList, error) bool) {
		for next := ""; ; {
			var page *unstructured.UnstructuredList
			err := c.retry(ctx, "list", of, false, func(ctx context.Context) (err error) {
				page, err = c.resource(of).List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: pageSize, Continue: next})
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			if next = page.GetContinue(); !yield(page, nil) || next == "" {
				return
			}
		}
	}
}
