package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"terraform-provider-emissary/internal/kube"
)

// providerData is what Configure hands to every resource and data source.
type providerData struct {
	// Kube returns the client, made once, on first use. Its error is
	// kube.ErrNotConfigured or says which setting is wrong. Never call it while
	// a new object is planned: a plan needs no cluster.
	Kube func() (*kube.Client, error)

	// FieldManager owns the fields written by server-side apply.
	FieldManager string
	// ForceConflicts is the provider-wide default of the resources' attribute
	// of that name; nil when unset.
	ForceConflicts *bool

	// unknown are the provider attributes whose value is not known yet.
	unknown []string
	warning sync.Once
}

func newProviderData(ctx context.Context, config providerConfig, unknown []string, version string) *providerData {
	data := &providerData{
		FieldManager:   config.FieldManager.ValueString(),
		ForceConflicts: config.ForceConflicts.ValueBoolPointer(),
		unknown:        unknown,
	}
	if data.FieldManager == "" {
		data.FieldManager = defaultFieldManager
	}
	data.Kube = sync.OnceValues(func() (*kube.Client, error) {
		if len(unknown) > 0 {
			return nil, fmt.Errorf("%w: the provider's %s will be known only after apply",
				kube.ErrNotConfigured, strings.Join(unknown, ", "))
		}
		options, err := config.options(ctx)
		if err != nil {
			return nil, err
		}
		options.FieldManager = data.FieldManager
		options.UserAgent = defaultFieldManager + "/" + version
		return kube.New(options)
	})
	return data
}

// RefreshClient returns the client for a refresh. When there is no cluster to
// ask (yet), it returns nil and adds one warning for the whole run: the caller
// then keeps the state as it is, because a plan must work without a cluster.
func (d *providerData) RefreshClient(diags *diag.Diagnostics) *kube.Client {
	client, err := d.Kube()
	switch {
	case err == nil:
		return client
	case errors.Is(err, kube.ErrNotConfigured):
		d.warning.Do(func() {
			diags.AddWarning("The plan was made without looking at the cluster",
				fmt.Sprintf("%s. Existing objects are assumed to be as the state says; drift is not shown.", sentence(err)))
		})
	default:
		diags.AddError("Cannot connect to the cluster", sentence(err)+".")
	}
	return nil
}

// sentence makes an error text begin like a sentence.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
