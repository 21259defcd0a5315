package cli

import (
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"terraform-provider-emissary/provider"
)

// servePlugin answers Terraform until it hangs up. Standard output belongs to the plugin handshake.
func servePlugin(build Build, debug bool) error {
	var options []tf6server.ServeOpt
	if debug {
		options = append(options, tf6server.WithManagedDebug())
	}
	return tf6server.Serve(build.Address, func() tfprotov6.ProviderServer { return provider.NewServer(build.Version) }, options...)
}
