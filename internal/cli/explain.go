package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/explain"
)

// explainFlags are the flags of the explain command.
type explainFlags struct {
	files      []string
	output     string
	method     string
	headers    []string
	port       uint16
	serverName string
}

func newExplain() *cobra.Command {
	var flags explainFlags
	command := &cobra.Command{
		Use:   "explain -f FILE|DIR|- … URL …",
		Short: "Say which Mapping would serve a request, and why others would not, without a cluster",
		Long: "Reads manifests as the compile command does, and says of each URL which Mapping would serve it, through which\n" +
			"Listener, Host and route, and why the nearest other Mappings would not. It evaluates what Envoy would get.\n\n" +
			"The port of the URL is that of the Listener; without one it is the scheme's own, or 8080 and 8443. Behind a load\n" +
			"balancer with other ports --port names the Listener's.\n\n" +
			"Exits with 0 when every request is served, with 1 when one is not, and with 2 when the input cannot be used.",
		Example: "  terraform-provider-emissary explain -f manifests https://shop.example.com/cart\n" +
			"  terraform-provider-emissary explain -f manifests -X POST -H 'x-version: 2' https://shop.example.com/cart\n" +
			"  terraform-provider-emissary explain -f manifests -o json http://localhost:8080/a http://localhost:8080/b\n" +
			"  kubectl get listeners,hosts,mappings,services -A -o yaml | terraform-provider-emissary explain -f - https://shop.example.com/",
		Args: func(cmd *cobra.Command, args []string) error {
			return badInput(cobra.MinimumNArgs(1)(cmd, args))
		},
		RunE: func(cmd *cobra.Command, urls []string) error {
			return runExplain(flags, urls, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	command.Flags().StringArrayVarP(&flags.files, "filename", "f", nil, "`file or folder` to read, \"-\" for standard input; may be given more than once")
	command.Flags().StringVarP(&flags.output, "output", "o", "text", "`format` of the output: text or json")
	command.Flags().StringVarP(&flags.method, "request", "X", "GET", "`method` of the requests")
	command.Flags().StringArrayVarP(&flags.headers, "header", "H", nil, "`header` of the requests, as \"name: value\"; may be given more than once; Host replaces the URL's")
	command.Flags().Uint16VarP(&flags.port, "port", "p", 0, "`port` of the Listener, where it is another than the URL's")
	command.Flags().StringVar(&flags.serverName, "server-name", "", "TLS server `name` (SNI), where it is another than the URL's host")
	command.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return badInput(err) })
	return command
}

// errUnserved makes the exit status tell that a request is not served; the explanation has said why.
var errUnserved = &exitError{status: 1}

func runExplain(flags explainFlags, urls []string, stdin io.Reader, stdout, stderr io.Writer) error {
	explanations, err := explanationsOf(flags, urls, stdin, stderr)
	if err != nil {
		return badInput(err)
	}
	if err := writeExplanations(stdout, explanations, flags.output); err != nil {
		return err
	}
	for _, x := range explanations {
		if !x.Served {
			return errUnserved
		}
	}
	return nil
}

func explanationsOf(flags explainFlags, urls []string, stdin io.Reader, stderr io.Writer) ([]*explain.Explanation, error) {
	if flags.output != "text" && flags.output != "json" {
		return nil, fmt.Errorf("--output is %q: text or json is wanted", flags.output)
	}
	if len(flags.files) == 0 {
		return nil, errors.New("there is nothing to explain by: give manifests with --filename")
	}
	var requests []explain.Request
	for _, url := range urls {
		request, err := flags.request(url)
		if err != nil {
			return nil, err
		}
		requests = append(requests, request)
	}
	environment, err := controller.ParseEnvironment(os.LookupEnv)
	if err != nil {
		return nil, err
	}
	documents, err := readManifests(flags.files, stdin)
	if err != nil {
		return nil, err
	}
	objects, _, unreadable := load(documents, environment.AmbassadorID, stderr)
	if unreadable > 0 {
		return nil, fmt.Errorf("%d of %d documents could not be read", unreadable, len(documents))
	}
	explainer, err := explain.New(objects, compile.Compile(objects, controller.CompileOptions(environment)))
	if err != nil {
		return nil, err
	}
	var explanations []*explain.Explanation
	for _, request := range requests {
		x, err := explainer.Explain(request)
		if err != nil {
			return nil, err
		}
		explanations = append(explanations, x)
	}
	return explanations, nil
}

// request makes the request that flags and a URL describe, the way curl reads its own flags of these names.
func (f *explainFlags) request(url string) (explain.Request, error) {
	r, err := explain.NewRequest(f.method, url)
	if err != nil {
		return r, err
	}
	r.Headers = map[string][]string{}
	for _, header := range f.headers {
		name, value, found := strings.Cut(header, ":")
		if !found {
			return r, fmt.Errorf("--header is %q: name: value is wanted", header)
		}
		if name, value = strings.TrimSpace(name), strings.TrimSpace(value); strings.EqualFold(name, "host") {
			r.Host = value
		} else {
			r.Headers[name] = append(r.Headers[name], value)
		}
	}
	if f.port != 0 {
		r.Port = uint32(f.port)
	}
	if f.serverName != "" {
		r.ServerName = f.serverName
	}
	return r, nil
}

// writeExplanations renders explanations for people, or as one JSON list for tools.
func writeExplanations(w io.Writer, explanations []*explain.Explanation, format string) error {
	if format == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(explanations)
	}
	for i, x := range explanations {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := x.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}
