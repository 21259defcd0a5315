package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/provider/conversion"
)

// convertFlags are the flags of the convert command.
type convertFlags struct {
	files     []string
	to        string
	imports   bool
	namespace string
}

func newConvert() *cobra.Command {
	var flags convertFlags
	command := &cobra.Command{
		Use:   "convert [-f FILE|DIR|- …]",
		Short: "Turn what kubectl prints, or manifests, into Terraform configuration or newer manifests, without a cluster",
		Long: "Reads Kubernetes objects (standard input, or files and folders) and writes them to standard output as configuration\n" +
			"of this provider, formatted as `terraform fmt` does, or as manifests of v3alpha1.\n\n" +
			"  Hosts, Mappings and other kinds of getambassador.io, v1, v2 and v3alpha1: a resource each\n" +
			"  Services and Ingresses with the annotation getambassador.io/config: a resource for each object in it\n" +
			"  Ingresses of any version: Hosts and Mappings\n" +
			"  Secrets of Helm with a release of a chart of this name: emissary_release with the values given to it; objects that\n" +
			"    belong to such a release are left to it\n" +
			"  CRDs of getambassador.io: emissary_crds\n\n" +
			"With --with-imports, an import block beside each resource takes over the object in the cluster. Other kinds are left\n" +
			"out of configuration, and stay as they are in manifests.\n\n" +
			"Standard error says what is not in the output, by object and field. Exits with 0 when all is well, with 1 when\n" +
			"an object or a field that belongs there is not, or a plan would refuse it, and with 2 when the input cannot be used.",
		Example: "  kubectl get hosts,mappings,listeners -A -o yaml | terraform-provider-emissary convert --to hcl --with-imports > ingress.tf\n" +
			"  kubectl get secrets -A -l owner=helm -o yaml | terraform-provider-emissary convert --with-imports > releases.tf\n" +
			"  terraform-provider-emissary convert -f manifests --to yaml > v3alpha1.yaml",
		Args: func(cmd *cobra.Command, args []string) error { return badInput(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runConvert(flags, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	command.Flags().StringArrayVarP(&flags.files, "filename", "f", []string{"-"}, "`file or folder` to read, \"-\" for standard input; may be given more than once")
	command.Flags().StringVar(&flags.to, "to", "hcl", "`format` of the output: hcl or yaml")
	command.Flags().BoolVar(&flags.imports, "with-imports", false, "write import blocks, for objects that are in a cluster (Terraform 1.5 or later)")
	command.Flags().StringVarP(&flags.namespace, "namespace", "n", manifest.DefaultNamespace, "`namespace` of the objects that name none")
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return badInput(err) })
	return command
}

func runConvert(flags convertFlags, stdin io.Reader, stdout, stderr io.Writer) error {
	format := conversion.Format(flags.to)
	switch {
	case format != conversion.HCL && format != conversion.YAML:
		return badInput(fmt.Errorf("--to is %q: hcl or yaml is wanted", flags.to))
	case format == conversion.YAML && flags.imports:
		return badInput(errors.New("--with-imports goes with --to hcl: manifests have no import blocks"))
	}
	var sources []conversion.Source
	err := readFiles(flags.files, stdin, func(name string, data []byte) {
		sources = append(sources, conversion.Source{Name: name, Data: data})
	})
	if err != nil {
		return badInput(err)
	}
	result, err := conversion.Convert(sources, conversion.Options{To: format, Imports: flags.imports, Namespace: flags.namespace})
	for _, message := range result.Messages {
		fmt.Fprintln(stderr, message)
	}
	if err != nil {
		return badInput(err)
	}
	if _, err := stdout.Write(result.Text); err != nil {
		return err
	}
	if !result.Complete() {
		return &exitError{status: 1} // the messages have said why
	}
	return nil
}
