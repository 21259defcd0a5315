// Command terraform-provider-emissary installs, configures and is an Emissary-compatible ingress. Without a command it
// is a Terraform plugin; its commands are described by "terraform-provider-emissary help".
package main

import (
	"os"

	"terraform-provider-emissary/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:]))
}
