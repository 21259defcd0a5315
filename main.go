// Command terraform-provider-emissary installs, configures and is an Emissary-compatible ingress. Without a command it
// is a Terraform plugin; its commands are described by "terraform-provider-emissary help".
package main

import (
	"os"

	"terraform-provider-emissary/internal/cli"
)

// Set at build time: -ldflags "-X main.version=1.2.3 -X main.address=registry.example.com/emissary/emissary".
var (
	version = "dev"
	// address is where Terraform finds the provider. It is written down here and nowhere else.
	address = "registry.terraform.io/emissary/emissary"
)

func main() {
	os.Exit(cli.Main(cli.Build{Version: version, Address: address}, os.Args[1:]))
}
