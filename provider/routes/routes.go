// Package routes answers which Mapping serves a request, from manifests in the configuration, for the function
// explain_route and the data source emissary_routes. It turns plain values into what controller/explain takes, and
// explanations into values of Terraform.
package routes

import (
	"fmt"
	"log/slog"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/derive"
	"terraform-provider-emissary/controller/explain"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/provider/manifests"
)

// Compile compiles manifests, and the objects that annotations and Ingresses among them hold, as the instance
// ambassadorID does with the controller's default settings; empty stands for "default". Manifests are a plain value: an
// object or a list of objects. Secrets that are not among them are taken to be there: a configuration that had their keys
// would keep them in its state. The error names the first object that the API server would not accept as it is.
func Compile(value any, ambassadorID string) (*explain.Explainer, error) {
	objects, err := manifests.In(value)
	if err != nil {
		return nil, err
	}
	environment, err := controller.ParseEnvironment(func(name string) (string, bool) {
		return ambassadorID, name == "AMBASSADOR_ID" && ambassadorID != ""
	})
	if err != nil {
		return nil, err
	}
	var events []watch.Event
	for i, object := range objects {
		decoded, wanted, err := manifest.DecodeObject(object)
		switch {
		case err != nil:
			return nil, fmt.Errorf("element %d: %w", i, err)
		case decoded.Err != nil:
			return nil, fmt.Errorf("element %d: %s: %w", i, decoded.Ref, decoded.Err)
		case wanted:
			decoded.Object.SetGeneration(1)
			events = append(events, watch.Event{Ref: decoded.Ref, Object: decoded.Object})
		}
	}
	s := store.New()
	for _, event := range derive.New(environment.AmbassadorID, slog.New(slog.DiscardHandler)).Expand(events) {
		if event.Rejected != nil {
			return nil, fmt.Errorf("%s: %s", event.Ref, event.Rejected.Message)
		}
		if event.Object != nil {
			s.Upsert(event.Object)
		}
	}
	options := controller.CompileOptions(environment)
	if options.Placeholder, err = placeholder(); err != nil {
		return nil, err
	}
	return explain.New(s, compile.Compile(s, options))
}
