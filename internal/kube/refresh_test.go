package kube

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

// numbered are n Mappings, m-0 and so on.
func numbered(n int) (objects []runtime.Object) {
	for i := range n {
		object := mapping()
		object.SetName(fmt.Sprint("m-", i))
		objects = append(objects, object)
	}
	return objects
}

func named(name string) Ref {
	ref := quote
	ref.Name = name
	return ref
}

// refreshAll reads the first n and returns how many of them were there.
func refreshAll(t *testing.T, client *Client, n int) (found int) {
	t.Helper()
	for i := range n {
		object, err := client.Refresh(t.Context(), named(fmt.Sprint("m-", i)))
		if err != nil {
			t.Fatal(err)
		}
		if object != nil && object.GetName() != fmt.Sprint("m-", i) {
			t.Errorf("m-%d is %s", i, object.GetName())
		}
		if object != nil {
			found++
		}
	}
	return found
}

// asked counts the requests by verb and forgets them.
func asked(server interface {
	Actions() []clienttesting.Action
	ClearActions()
}) (gets, lists int) {
	for _, action := range server.Actions() {
		switch action.GetVerb() {
		case "get":
			gets++
		case "list":
			lists++
		}
	}
	server.ClearActions()
	return gets, lists
}

// TestRefreshLists reads a handful of objects one by one and more of them from
// one list, for as long as that is believed.
func TestRefreshLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := fakeClient(numbered(100)...)
		expect := func(when string, wantGets, wantLists int) {
			t.Helper()
			if gets, lists := asked(server); gets != wantGets || lists != wantLists {
				t.Errorf("%s: %d gets and %d lists, want %d and %d", when, gets, lists, wantGets, wantLists)
			}
		}
		refreshAll(t, client, fewReads)
		expect("a handful", fewReads, 0)
		refreshAll(t, client, 100)
		expect("many", 0, 1)

		// What is not in the list may be new.
		late := mapping()
		late.SetName("m-100")
		if _, err := server.Resource(mappings.GroupVersionResource).Namespace("default").Create(t.Context(), late, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		server.ClearActions()
		if found := refreshAll(t, client, 102); found != 101 {
			t.Errorf("found %d objects, want 101", found)
		}
		expect("new objects", 2, 0)

		time.Sleep(believeListFor + time.Second)
		refreshAll(t, client, 100)
		expect("later", fewReads, 1)
	})
}

// TestRefreshAfterWrite is never answered from before a write of the same client,
// not even from a list that was under way.
func TestRefreshAfterWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := fakeClient(numbered(100)...)
		refreshAll(t, client, 100)
		if err := client.Delete(t.Context(), named("m-50")); err != nil {
			t.Fatal(err)
		}
		if object, err := client.Refresh(t.Context(), named("m-50")); err != nil || object != nil {
			t.Errorf("after delete: %v %v", object, err)
		}

		// The answer to a list is on its way when m-60 is deleted.
		before, err := server.Resource(mappings.GroupVersionResource).Namespace("default").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		server.PrependReactor("list", "mappings", func(clienttesting.Action) (bool, runtime.Object, error) {
			defer client.listings.of(quote).writes.Add(1) // as Delete does, which the fake cannot do meanwhile
			return true, before, server.Tracker().Delete(mappings.GroupVersionResource, "default", "m-60")
		})
		refreshAll(t, client, fewReads+1)
		if object, err := client.Refresh(t.Context(), named("m-60")); err != nil || object != nil {
			t.Errorf("after delete while listing: %v %v", object, err)
		}
	})
}

// TestRefreshWithoutList reads one by one where listing is not permitted or would
// bring too much, and asks only once.
func TestRefreshWithoutList(t *testing.T) {
	t.Parallel()
	tooManyMore := int64(tooMany + 1)
	for name, reaction := range map[string]clienttesting.ReactionFunc{
		"forbidden": func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errForbidden },
		"too many": func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, &unstructured.UnstructuredList{Object: map[string]any{"metadata": map[string]any{
				"continue": "next", "remainingItemCount": tooManyMore}}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := fakeClient(numbered(50)...)
			server.PrependReactor("list", "mappings", reaction)
			if found := refreshAll(t, client, 50); found != 50 {
				t.Errorf("found %d objects, want 50", found)
			}
			if gets, lists := asked(server); gets != 50 || lists != 1 {
				t.Errorf("%d gets and %d lists, want 50 and 1", gets, lists)
			}
		})
	}
}
