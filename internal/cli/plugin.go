package cli

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"terraform-provider-emissary/provider"
)

// servePlugin answers Terraform until it hangs up. Standard output belongs to the plugin handshake.
func servePlugin(ctx context.Context, build Build, debug bool) error {
	return providerserver.Serve(ctx, provider.New(build.Version), providerserver.ServeOpts{
		Address:         build.Address,
		Debug:           debug,
		ProtocolVersion: 6,
	})
}
