package provider

import "github.com/hashicorp/terraform-plugin-framework/resource"

func kindResources() []func() resource.Resource { return nil }
