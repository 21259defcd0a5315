package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"terraform-provider-emissary/controller"
	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/derive"
	"terraform-provider-emissary/controller/status"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch"
	"terraform-provider-emissary/controller/watch/manifest"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// compileFlags are the flags of the compile command.
type compileFlags struct {
	files   []string
	output  string
	strict  bool
	secrets bool
}

func newCompile() *cobra.Command {
	var flags compileFlags
	command := &cobra.Command{
		Use:   "compile -f FILE|DIR|- …",
		Short: "Turn manifests into Envoy configuration, without a cluster",
		Long: "Reads manifests (files, folders, or standard input as \"-\"), writes the Envoy configuration they make to standard\n" +
			"output, and what is wrong with them to standard error. Settings come from the environment, as for the controller.\n" +
			"Private keys are left out unless --show-secrets is given.\n\n" +
			"Exits with an error when the input cannot be read; with --strict also when any object has a problem.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runCompile(flags, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	command.Flags().StringArrayVarP(&flags.files, "filename", "f", nil, "`file or folder` to read, \"-\" for standard input; may be given more than once")
	command.Flags().StringVarP(&flags.output, "output", "o", "json", "`format` of the output: json or yaml")
	command.Flags().BoolVar(&flags.strict, "strict", false, "fail when any object has a problem")
	command.Flags().BoolVar(&flags.secrets, "show-secrets", false, "write private keys too")
	_ = command.MarkFlagRequired("filename")
	return command
}

func runCompile(flags compileFlags, stdin io.Reader, stdout, stderr io.Writer) error {
	if flags.output != "json" && flags.output != "yaml" {
		return fmt.Errorf("--output is %q: json or yaml is wanted", flags.output)
	}
	environment, err := controller.ParseEnvironment(os.LookupEnv)
	if err != nil {
		return err
	}
	documents, err := readManifests(flags.files, stdin)
	if err != nil {
		return err
	}
	objects, rejections, unreadable := load(documents, environment.AmbassadorID, stderr)
	output := compile.Compile(objects, controller.CompileOptions(environment))
	problems := controller.Problems(output.Reports, rejections)
	for _, object := range problems {
		for _, problem := range object.Problems {
			fmt.Fprintf(stderr, "%s: %s: %s: %s\n", problem.Severity, object.Object, problem.Reason, problem.Message)
		}
	}
	if err := write(stdout, output, flags); err != nil {
		return err
	}
	switch {
	case unreadable > 0:
		return fmt.Errorf("%d of %d documents could not be read", unreadable, len(documents))
	case flags.strict && len(problems) > 0:
		return fmt.Errorf("%d objects have problems (--strict)", len(problems))
	}
	return nil
}

func readManifests(files []string, stdin io.Reader) ([]manifest.Document, error) {
	var documents []manifest.Document
	err := readFiles(files, stdin, func(name string, data []byte) {
		documents = append(documents, manifest.Decode(name, data)...)
	})
	if err == nil && len(documents) == 0 {
		err = errors.New("there is no document to compile")
	}
	return documents, err
}

// load puts the objects, and those that annotations and Ingresses hold, into a store, saying on the way what cannot be
// used.
func load(documents []manifest.Document, ambassadorID string, stderr io.Writer) (objects *store.Store, rejections map[store.Ref]status.Rejected, unreadable int) {
	var events []watch.Event
	for _, document := range documents {
		if document.Err != nil {
			fmt.Fprintf(stderr, "error: %s: %v\n", document.Source, document.Err)
			unreadable++
		}
		for _, object := range document.Objects {
			for _, field := range object.Unknown {
				fmt.Fprintf(stderr, "warning: %s: %s has no field %s; it is ignored\n", object.Source, object.Ref, field)
			}
			events = append(events, eventOf(object))
		}
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	objects, rejections = store.New(), map[store.Ref]status.Rejected{}
	for _, event := range derive.New(ambassadorID, log).Expand(events) {
		switch {
		case event.Object != nil:
			objects.Upsert(event.Object)
		case event.Rejected != nil && event.Rejected.AmbassadorID.IsMember(ambassadorID):
			rejections[event.Ref] = status.Rejected{Generation: event.Rejected.Generation, Message: event.Rejected.Message}
		}
	}
	return objects, rejections, unreadable
}

// eventOf reports an object as a source of events does.
func eventOf(object manifest.Object) watch.Event {
	if object.Err != nil {
		return watch.Event{Ref: object.Ref, Rejected: &watch.Rejection{
			Generation: 1, AmbassadorID: object.AmbassadorID, Message: fmt.Sprintf("%s: %v", object.Source, object.Err),
		}}
	}
	object.Object.SetGeneration(1)
	return watch.Event{Ref: object.Ref, Object: object.Object}
}

// write renders the configuration with its resources under Envoy's names for them.
func write(w io.Writer, output *compile.Output, flags compileFlags) error {
	if !flags.secrets {
		for i, secret := range output.Secrets {
			output.Secrets[i] = withoutPrivateKey(secret)
		}
	}
	document := map[string][]json.RawMessage{}
	var err error
	add := func(section string, message proto.Message) {
		raw, marshalErr := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
		err = errors.Join(err, marshalErr)
		document[section] = append(document[section], raw)
	}
	for _, section := range []string{"listeners", "routes", "clusters", "endpoints", "secrets"} {
		document[section] = []json.RawMessage{}
	}
	for _, listener := range output.Listeners {
		add("listeners", listener)
	}
	for _, routes := range output.Routes {
		add("routes", routes)
	}
	for _, cluster := range output.Clusters {
		add("clusters", cluster)
	}
	for _, endpoints := range output.Endpoints {
		add("endpoints", endpoints)
	}
	for _, secret := range output.Secrets {
		add("secrets", secret)
	}
	if err != nil {
		return fmt.Errorf("rendering the configuration: %w", err)
	}
	// protojson varies its white space on purpose; indenting anew makes equal input give equal bytes.
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("rendering the configuration: %w", err)
	}
	text = append(text, '\n')
	if flags.output == "yaml" {
		if text, err = yaml.JSONToYAML(text); err != nil {
			return fmt.Errorf("rendering the configuration: %w", err)
		}
	}
	_, err = w.Write(text)
	return err
}

func withoutPrivateKey(secret *tlsv3.Secret) *tlsv3.Secret {
	if secret.GetTlsCertificate().GetPrivateKey() == nil {
		return secret
	}
	copied := proto.CloneOf(secret)
	copied.GetTlsCertificate().PrivateKey = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: "(left out; --show-secrets writes it)"}}
	return copied
}
