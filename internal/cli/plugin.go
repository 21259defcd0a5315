package cli

import (
	"os"
	"slices"
	"strings"
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
	} else if !logsAreWanted(os.Environ()) {
		for _, name := range []string{"TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"} {
			if err := os.Setenv(name, "off"); err != nil {
				return err
			}
		}
	}
	return tf6server.Serve(build.Address, func() tfprotov6.ProviderServer { return provider.NewServer(build.Version) }, options...)
}

// logsAreWanted reports whether Terraform would show any log of the provider. The SDK logs every request at the level
// trace unless told otherwise, and without TF_LOG Terraform reads all of it only to throw it away: a tenth of the
// processor time of a plan of 1,000 Mappings.
func logsAreWanted(environment []string) bool {
	return slices.ContainsFunc(environment, func(variable string) bool {
		name, value, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "TF_LOG") && value != ""
	})
}
