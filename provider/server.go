package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// NewServer returns the plugin server: what Terraform talks to. The version
// appears in the user agent of every request to a cluster.
//
// The plugin framework serves the provider block and the resources that have
// code of their own. The kinds are served here, on the wire values of the
// protocol: the framework looks at each attribute on its own and copies all of
// them for each, which is 20 ms of CPU for one Mapping (70 attributes), 20 s for
// a plan of a thousand.
func NewServer(version string) tfprotov6.ProviderServer {
	p := &emissaryProvider{version: version}
	framework, ok := providerserver.NewProtocol6(p)().(frameworkServer)
	if !ok {
		panic("provider: the plugin framework's server no longer serves lists or actions") // a broken build
	}
	s := &server{frameworkServer: framework, kinds: map[string]*kindResource{}}
	for _, k := range kinds() {
		r := newKindResource(k, p)
		s.kinds[r.typeName] = r
	}
	return s
}

// frameworkServer is all that the plugin framework's server can do.
type frameworkServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
}

// server adds the kinds to the framework's server.
type server struct {
	frameworkServer
	kinds map[string]*kindResource // by resource type
}

func (s *server) GetMetadata(ctx context.Context, req *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	resp, err := s.frameworkServer.GetMetadata(ctx, req)
	if err != nil {
		return nil, err
	}
	for typeName := range s.kinds {
		resp.Resources = append(resp.Resources, tfprotov6.ResourceMetadata{TypeName: typeName})
		resp.ListResources = append(resp.ListResources, tfprotov6.ListResourceMetadata{TypeName: typeName})
	}
	return resp, nil
}

func (s *server) GetProviderSchema(ctx context.Context, req *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	resp, err := s.frameworkServer.GetProviderSchema(ctx, req)
	if err != nil {
		return nil, err
	}
	// The framework's maps are its own cache.
	resp.ResourceSchemas, resp.ListResourceSchemas = maps.Clone(resp.ResourceSchemas), maps.Clone(resp.ListResourceSchemas)
	for typeName, r := range s.kinds {
		resp.ResourceSchemas[typeName] = r.schema
		resp.ListResourceSchemas[typeName] = listSchema(r.kind)
	}
	return resp, nil
}

func (s *server) GetResourceIdentitySchemas(ctx context.Context, req *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	resp, err := s.frameworkServer.GetResourceIdentitySchemas(ctx, req)
	if err != nil {
		return nil, err
	}
	for typeName := range s.kinds {
		resp.IdentitySchemas[typeName] = identitySchema
	}
	return resp, nil
}

func (s *server) ValidateResourceConfig(ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.ValidateResourceConfig(ctx, req)
	}
	return s.frameworkServer.ValidateResourceConfig(ctx, req)
}

func (s *server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.UpgradeResourceState(ctx, req)
	}
	return s.frameworkServer.UpgradeResourceState(ctx, req)
}

func (s *server) UpgradeResourceIdentity(ctx context.Context, req *tfprotov6.UpgradeResourceIdentityRequest) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.UpgradeResourceIdentity(ctx, req)
	}
	return s.frameworkServer.UpgradeResourceIdentity(ctx, req)
}

func (s *server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.ReadResource(ctx, req)
	}
	return s.frameworkServer.ReadResource(ctx, req)
}

func (s *server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.PlanResourceChange(ctx, req)
	}
	return s.frameworkServer.PlanResourceChange(ctx, req)
}

func (s *server) ApplyResourceChange(ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.ApplyResourceChange(ctx, req)
	}
	return s.frameworkServer.ApplyResourceChange(ctx, req)
}

func (s *server) ImportResourceState(ctx context.Context, req *tfprotov6.ImportResourceStateRequest) (*tfprotov6.ImportResourceStateResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.ImportResourceState(ctx, req)
	}
	return s.frameworkServer.ImportResourceState(ctx, req)
}

func (s *server) MoveResourceState(ctx context.Context, req *tfprotov6.MoveResourceStateRequest) (*tfprotov6.MoveResourceStateResponse, error) {
	if r := s.kinds[req.TargetTypeName]; r != nil {
		return r.MoveResourceState(ctx, req)
	}
	return s.frameworkServer.MoveResourceState(ctx, req)
}

func (s *server) GenerateResourceConfig(ctx context.Context, req *tfprotov6.GenerateResourceConfigRequest) (*tfprotov6.GenerateResourceConfigResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.GenerateResourceConfig(ctx, req)
	}
	return s.frameworkServer.GenerateResourceConfig(ctx, req)
}

func (s *server) ValidateListResourceConfig(ctx context.Context, req *tfprotov6.ValidateListResourceConfigRequest) (*tfprotov6.ValidateListResourceConfigResponse, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.ValidateListResourceConfig(ctx, req)
	}
	return s.frameworkServer.ValidateListResourceConfig(ctx, req)
}

func (s *server) ListResource(ctx context.Context, req *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error) {
	if r := s.kinds[req.TypeName]; r != nil {
		return r.ListResource(ctx, req)
	}
	return s.frameworkServer.ListResource(ctx, req)
}

// protocol is the diagnostics as the protocol has them.
func protocol(diags diag.Diagnostics) []*tfprotov6.Diagnostic {
	var list []*tfprotov6.Diagnostic
	for _, d := range diags {
		one := &tfprotov6.Diagnostic{Severity: tfprotov6.DiagnosticSeverityError, Summary: d.Summary(), Detail: d.Detail()}
		if d.Severity() == diag.SeverityWarning {
			one.Severity = tfprotov6.DiagnosticSeverityWarning
		}
		if located, ok := d.(diag.DiagnosticWithPath); ok {
			one.Attribute = attributePath(located.Path())
		}
		list = append(list, one)
	}
	return list
}

func attributePath(p path.Path) *tftypes.AttributePath {
	at := tftypes.NewAttributePath()
	for _, step := range p.Steps() {
		switch step := step.(type) {
		case path.PathStepAttributeName:
			at = at.WithAttributeName(string(step))
		case path.PathStepElementKeyInt:
			at = at.WithElementKeyInt(int(step))
		case path.PathStepElementKeyString:
			at = at.WithElementKeyString(string(step))
		}
	}
	return at
}
