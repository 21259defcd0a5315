package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/internal/kube"
)

const defaultFieldManager = "terraform-provider-emissary"

// providerConfig is the provider block. Names and meaning are those of the
// kubernetes and helm providers, so that a block can be copied.
type providerConfig struct {
	ConfigPath            types.String  `tfsdk:"config_path"`
	ConfigPaths           types.List    `tfsdk:"config_paths"`
	ConfigRaw             types.String  `tfsdk:"config_raw"`
	ConfigContext         types.String  `tfsdk:"config_context"`
	ConfigContextAuthInfo types.String  `tfsdk:"config_context_auth_info"`
	ConfigContextCluster  types.String  `tfsdk:"config_context_cluster"`
	Host                  types.String  `tfsdk:"host"`
	Token                 types.String  `tfsdk:"token"`
	Username              types.String  `tfsdk:"username"`
	Password              types.String  `tfsdk:"password"`
	ClientCertificate     types.String  `tfsdk:"client_certificate"`
	ClientKey             types.String  `tfsdk:"client_key"`
	ClusterCACertificate  types.String  `tfsdk:"cluster_ca_certificate"`
	Exec                  types.Object  `tfsdk:"exec"`
	ProxyURL              types.String  `tfsdk:"proxy_url"`
	TLSServerName         types.String  `tfsdk:"tls_server_name"`
	Insecure              types.Bool    `tfsdk:"insecure"`
	InCluster             types.Bool    `tfsdk:"in_cluster"`
	QPS                   types.Float64 `tfsdk:"qps"`
	Burst                 types.Int64   `tfsdk:"burst"`
	FieldManager          types.String  `tfsdk:"field_manager"`
	ForceConflicts        types.Bool    `tfsdk:"force_conflicts"`
}

type execConfig struct {
	APIVersion types.String `tfsdk:"api_version"`
	Command    types.String `tfsdk:"command"`
	Args       types.List   `tfsdk:"args"`
	Env        types.Map    `tfsdk:"env"`
}

func providerSchema() schema.Schema {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	secret := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: description}
	}
	return schema.Schema{
		MarkdownDescription: "Installs, configures and runs an Emissary-compatible ingress on Kubernetes. " +
			"The connection settings are those of the `kubernetes` and `helm` providers; what the block sets wins over the environment. " +
			"No plan of a new object needs a reachable cluster.",
		Attributes: map[string]schema.Attribute{
			"config_path": text("Path of a kubeconfig file. Default: the environment's `KUBE_CONFIG_PATH`, `KUBECONFIG`."),
			"config_paths": schema.ListAttribute{Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Paths of kubeconfig files to merge; the first file that sets a value wins. Default: the environment's `KUBE_CONFIG_PATHS`, `KUBECONFIG` (separated like `PATH`)."},
			"config_raw":               secret("Text of a kubeconfig, for example an output of the module that made the cluster. Excludes `config_path` and `config_paths`. Default: none."),
			"config_context":           text("Context of the kubeconfig to use instead of its current one. Default: the environment's `KUBE_CTX`."),
			"config_context_auth_info": text("User of the kubeconfig to use instead of the context's. Default: the environment's `KUBE_CTX_AUTH_INFO`."),
			"config_context_cluster":   text("Cluster of the kubeconfig to use instead of the context's. Default: the environment's `KUBE_CTX_CLUSTER`."),
			"host":                     text("Address of the API server, a URL or `host:port`. Default: the environment's `KUBE_HOST`."),
			"token":                    secret("Bearer token. A short-lived one may have expired when a saved plan is applied; prefer `exec`. Default: the environment's `KUBE_TOKEN`."),
			"username":                 text("User for basic authentication. Default: the environment's `KUBE_USER`."),
			"password":                 secret("Password for basic authentication. Default: the environment's `KUBE_PASSWORD`."),
			"client_certificate":       text("Client certificate, PEM. Default: the environment's `KUBE_CLIENT_CERT_DATA`."),
			"client_key":               secret("Key of the client certificate, PEM. Default: the environment's `KUBE_CLIENT_KEY_DATA`."),
			"cluster_ca_certificate":   text("Certificate authority of the API server, PEM. Default: the environment's `KUBE_CLUSTER_CA_CERT_DATA`."),
			"exec": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Command that prints credentials, run again for each plan and apply, as in a kubeconfig's `users[].user.exec`. Default: none.",
				Attributes: map[string]schema.Attribute{
					"api_version": schema.StringAttribute{Required: true, MarkdownDescription: "Version of the credential API, for example `client.authentication.k8s.io/v1`."},
					"command":     schema.StringAttribute{Required: true, MarkdownDescription: "Program to run."},
					"args":        schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Its arguments. Default: none."},
					"env":         schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Environment variables to add. Default: none."},
				},
			},
			"proxy_url":       text("Proxy to the API server. Default: the environment's `KUBE_PROXY_URL`, else its `HTTPS_PROXY`."),
			"tls_server_name": text("Name to check the API server's certificate against. Default: the environment's `KUBE_TLS_SERVER_NAME`."),
			"insecure": schema.BoolAttribute{Optional: true,
				MarkdownDescription: "Do not check the API server's certificate. Default: the environment's `KUBE_INSECURE`, else `false`."},
			"in_cluster": schema.BoolAttribute{Optional: true,
				MarkdownDescription: "`true` demands and `false` forbids the service account of the pod Terraform runs in. Default: it is used when nothing else is configured."},
			"qps": schema.Float64Attribute{Optional: true,
				MarkdownDescription: fmt.Sprintf("Requests per second to the API server. Default `%d`.", kube.DefaultQPS)},
			"burst": schema.Int64Attribute{Optional: true,
				MarkdownDescription: fmt.Sprintf("Requests that may exceed `qps` for a moment. Default `%d`.", kube.DefaultBurst)},
			"field_manager": text("Name under which the provider owns the fields it writes (server-side apply). Default `" + defaultFieldManager + "`. " +
				"Two configurations that write the same object need two names."),
			"force_conflicts": schema.BoolAttribute{Optional: true,
				MarkdownDescription: "Default of the resources' `force_conflicts`."},
		},
	}
}

// options merges the block with the environment. What the block sets wins: a
// stray KUBECONFIG must never redirect a configured provider.
func (c providerConfig) options(ctx context.Context) (kube.Options, error) {
	o := kube.Options{
		ConfigRaw:       c.ConfigRaw.ValueString(),
		Context:         orEnv(c.ConfigContext, "KUBE_CTX"),
		ContextAuthInfo: orEnv(c.ConfigContextAuthInfo, "KUBE_CTX_AUTH_INFO"),
		ContextCluster:  orEnv(c.ConfigContextCluster, "KUBE_CTX_CLUSTER"),
		Host:            c.Host.ValueString(),
		ProxyURL:        orEnv(c.ProxyURL, "KUBE_PROXY_URL"),
		TLSServerName:   orEnv(c.TLSServerName, "KUBE_TLS_SERVER_NAME"),
		InCluster:       c.InCluster.ValueBoolPointer(),
		QPS:             float32(c.QPS.ValueFloat64()),
		Burst:           int(c.Burst.ValueInt64()),
	}
	if !c.ConfigPaths.IsNull() {
		c.ConfigPaths.ElementsAs(ctx, &o.ConfigPaths, false)
	}
	if path := c.ConfigPath.ValueString(); path != "" {
		o.ConfigPaths = append([]string{path}, o.ConfigPaths...)
	}
	if o.ConfigRaw != "" && len(o.ConfigPaths) > 0 {
		return o, fmt.Errorf("the provider block sets both config_raw and config_path or config_paths; keep one")
	}
	inKubeconfig := o.ConfigRaw != "" || len(o.ConfigPaths) > 0
	if !inKubeconfig && o.Host == "" && o.InCluster == nil {
		o.ConfigPaths = kubeconfigFromEnvironment()
		o.Host = os.Getenv("KUBE_HOST")
	}

	// Credentials of the environment complete a host; they must not shadow those
	// of a kubeconfig that the block names.
	credential := func(value types.String, variable string) string {
		if inKubeconfig {
			return value.ValueString()
		}
		return orEnv(value, variable)
	}
	o.Token = credential(c.Token, "KUBE_TOKEN")
	o.Username = credential(c.Username, "KUBE_USER")
	o.Password = credential(c.Password, "KUBE_PASSWORD")
	o.ClientCertificate = credential(c.ClientCertificate, "KUBE_CLIENT_CERT_DATA")
	o.ClientKey = credential(c.ClientKey, "KUBE_CLIENT_KEY_DATA")
	o.ClusterCACertificate = credential(c.ClusterCACertificate, "KUBE_CLUSTER_CA_CERT_DATA")

	o.Insecure = c.Insecure.ValueBool()
	if text := os.Getenv("KUBE_INSECURE"); c.Insecure.IsNull() && !inKubeconfig && text != "" {
		insecure, err := strconv.ParseBool(text)
		if err != nil {
			return o, fmt.Errorf("the environment variable KUBE_INSECURE is %q; it must be true or false", text)
		}
		o.Insecure = insecure
	}
	if !c.Exec.IsNull() {
		var exec execConfig
		if diags := c.Exec.As(ctx, &exec, basetypes.ObjectAsOptions{}); diags.HasError() {
			return o, fmt.Errorf("the provider's exec is not usable: %s", diags[0].Detail())
		}
		o.Exec = &kube.Exec{APIVersion: exec.APIVersion.ValueString(), Command: exec.Command.ValueString()}
		exec.Args.ElementsAs(ctx, &o.Exec.Args, false)
		exec.Env.ElementsAs(ctx, &o.Exec.Env, false)
	}
	return o, nil
}

func orEnv(value types.String, variable string) string {
	if !value.IsNull() {
		return value.ValueString()
	}
	return os.Getenv(variable)
}

func kubeconfigFromEnvironment() []string {
	for _, variable := range []string{"KUBE_CONFIG_PATH", "KUBE_CONFIG_PATHS", "KUBECONFIG"} {
		if paths := filepath.SplitList(os.Getenv(variable)); len(paths) > 0 {
			return paths
		}
	}
	return nil
}

// unknownAttributes returns the sorted names of the attributes of the provider
// block that hold a value unknown until apply.
func unknownAttributes(block tftypes.Value) []string {
	var attributes map[string]tftypes.Value
	if block.As(&attributes) != nil {
		return nil
	}
	var unknown []string
	for name, value := range attributes {
		if !value.IsFullyKnown() {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}
