package cli

import (
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"terraform-provider-emissary/controller"
)

func newController() *cobra.Command {
	var options controller.Options
	command := &cobra.Command{
		Use:   "controller",
		Short: "Run the ingress: follow a cluster, or a folder of manifests, and run the Envoy that serves it",
		Long: "Follows the getambassador.io objects of a cluster, or of a folder of manifests, and runs the Envoy that serves\n" +
			"them. Settings come from the environment variables that Emissary has: AMBASSADOR_ID, AMBASSADOR_NAMESPACE,\n" +
			"AMBASSADOR_SINGLE_NAMESPACE, AES_LOG_LEVEL and so on. ENVOY names the Envoy binary where it is not on PATH.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			environment, err := controller.ParseEnvironment(os.LookupEnv)
			if err != nil {
				return err
			}
			options.Environment = environment
			options.AccessLog = os.Stdout
			options.Log = newLogger(cmd.ErrOrStderr(), environment)
			// The Kubernetes client library logs by klog.
			klog.SetSlogLogger(options.Log.With("part", "kubernetes"))
			return controller.Run(cmd.Context(), options)
		},
	}
	command.Flags().StringVar(&options.Manifests, "manifests", "", "serve this `folder` of manifests instead of a cluster, following its changes")
	command.Flags().StringVar(&options.Kubeconfig, "kubeconfig", "", "kubeconfig `file` that leads to the cluster (default: $KUBECONFIG, else the pod's service account)")
	command.MarkFlagsMutuallyExclusive("manifests", "kubeconfig")
	return command
}

func newLogger(w io.Writer, environment controller.Environment) *slog.Logger {
	level := map[string]slog.Level{
		"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[environment.LogLevel]
	options := &slog.HandlerOptions{Level: level}
	if environment.JSONLogging {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
