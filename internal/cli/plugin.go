package cli

import (
	"os"
	"syscall"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"terraform-provider-emissary/provider"
)

// servePlugin answers Terraform until it hangs up. Standard output belongs to the plugin handshake.
func servePlugin(build Build, debug bool) error {
	var options []tf6server.ServeOpt
	if debug {
		// Main has taken these signals over, so nothing else ends the program.
		options = append(options, tf6server.WithManagedDebug(), tf6server.WithManagedDebugStopSignals([]os.Signal{os.Interrupt, syscall.SIGTERM}))
	}
	return tf6server.Serve(build.Address, func() tfprotov6.ProviderServer { return provider.NewServer(build.Version) }, options...)
}
