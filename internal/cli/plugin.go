package cli

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"terraform-provider-emissary/provider"
)

// servePlugin answers Terraform until it hangs up. Standard output belongs to the plugin handshake.
func servePlugin(ctx context.Context, debug bool) error {
	return providerserver.Serve(ctx, provider.New(Version), providerserver.ServeOpts{
		Address:         Address,
		Debug:           debug,
		ProtocolVersion: 6,
	})
}
