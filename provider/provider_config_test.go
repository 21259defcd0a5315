package provider

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"terraform-provider-emissary/internal/kube"
)

// TestOptions decides between the provider block and the environment. It sets
// variables, so it runs alone.
func TestOptions(t *testing.T) {
	text := types.StringValue
	tests := map[string]struct {
		config      providerConfig
		environment map[string]string
		check       func(kube.Options) bool
		want        string // of the error
	}{
		"KUBECONFIG": {
			environment: map[string]string{"KUBECONFIG": "/a:/b"},
			check:       func(o kube.Options) bool { return slices.Equal(o.ConfigPaths, []string{"/a", "/b"}) },
		},
		"KUBE_CONFIG_PATH before KUBECONFIG": {
			environment: map[string]string{"KUBECONFIG": "/a", "KUBE_CONFIG_PATH": "/c"},
			check:       func(o kube.Options) bool { return slices.Equal(o.ConfigPaths, []string{"/c"}) },
		},
		"block before KUBECONFIG": {
			config:      providerConfig{ConfigPath: text("/mine")},
			environment: map[string]string{"KUBECONFIG": "/a", "KUBE_CONFIG_PATHS": "/b", "KUBE_HOST": "https://env", "KUBE_TOKEN": "env"},
			check: func(o kube.Options) bool {
				return slices.Equal(o.ConfigPaths, []string{"/mine"}) && o.Host == "" && o.Token == ""
			},
		},
		"host ignores the kubeconfig but takes the token": {
			config:      providerConfig{Host: text("https://mine")},
			environment: map[string]string{"KUBECONFIG": "/a", "KUBE_TOKEN": "env"},
			check:       func(o kube.Options) bool { return o.Host == "https://mine" && o.ConfigPaths == nil && o.Token == "env" },
		},
		"token of the block": {
			config:      providerConfig{Host: text("https://mine"), Token: text("mine")},
			environment: map[string]string{"KUBE_TOKEN": "env"},
			check:       func(o kube.Options) bool { return o.Token == "mine" },
		},
		"raw": {
			config:      providerConfig{ConfigRaw: text("text")},
			environment: map[string]string{"KUBECONFIG": "/a"},
			check:       func(o kube.Options) bool { return o.ConfigRaw == "text" && o.ConfigPaths == nil },
		},
		"context": {
			environment: map[string]string{"KUBECONFIG": "/a", "KUBE_CTX": "prod"},
			check:       func(o kube.Options) bool { return o.Context == "prod" },
		},
		"insecure": {
			environment: map[string]string{"KUBE_HOST": "https://env", "KUBE_INSECURE": "true"},
			check:       func(o kube.Options) bool { return o.Insecure && o.Host == "https://env" },
		},
		"insecure that is no flag": {
			environment: map[string]string{"KUBE_INSECURE": "perhaps"},
			want:        `KUBE_INSECURE is "perhaps"; it must be true or false`,
		},
		"raw and path": {
			config: providerConfig{ConfigRaw: text("text"), ConfigPath: text("/mine")},
			want:   "keep one",
		},
		"in the pod": {
			config:      providerConfig{InCluster: types.BoolValue(true)},
			environment: map[string]string{"KUBECONFIG": "/a"},
			check:       func(o kube.Options) bool { return *o.InCluster && o.ConfigPaths == nil },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for variable, value := range test.environment {
				t.Setenv(variable, value)
			}
			options, err := test.config.options(context.Background())
			switch {
			case test.want == "" && err != nil:
				t.Fatal(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Fatalf("error %v, want %q", err, test.want)
			case test.want == "" && !test.check(options):
				t.Errorf("options: %+v", options)
			}
		})
	}
}

func TestUnknownAttributes(t *testing.T) {
	t.Parallel()
	block := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"host": tftypes.String, "token": tftypes.String, "config_paths": tftypes.List{ElementType: tftypes.String}}}
	got := unknownAttributes(tftypes.NewValue(block, map[string]tftypes.Value{
		"host":  tftypes.NewValue(tftypes.String, "https://h"),
		"token": tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
		"config_paths": tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, []tftypes.Value{
			tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}),
	}))
	if want := []string{"config_paths", "token"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestSecretsAreSensitive keeps credentials out of what Terraform prints.
func TestSecretsAreSensitive(t *testing.T) {
	t.Parallel()
	for name, attribute := range providerSchema().Attributes {
		secret := slices.Contains([]string{"config_raw", "token", "password", "client_key"}, name)
		if attribute.IsSensitive() != secret {
			t.Errorf("%s: sensitive is %v, want %v", name, !secret, secret)
		}
		if attribute.GetMarkdownDescription() == "" {
			t.Errorf("%s has no description", name)
		}
	}
}
