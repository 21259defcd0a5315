// Command kubectl is kubectl, which the benchmarks compare an apply with. It is a
// module of its own so that the product's go.mod never sees its requirements.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
)

func main() { os.Exit(cli.Run(cmd.NewDefaultKubectlCommand())) }
