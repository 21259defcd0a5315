// Package document describes the provider as `terraform providers schema -json`
// does, for the generator of the documentation. An engine leaves out what it has
// nothing for, such as actions before Terraform 1.14; this leaves nothing out and
// needs no engine.
package document

import (
	"encoding/json"
	"fmt"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Schema is all that a provider of this name has, from its two answers on the
// plugin protocol.
func Schema(name string, has *tfprotov6.GetProviderSchemaResponse, identities *tfprotov6.GetResourceIdentitySchemasResponse) *tfjson.ProviderSchemas {
	return &tfjson.ProviderSchemas{FormatVersion: "1.0", Schemas: map[string]*tfjson.ProviderSchema{name: {
		ConfigSchema:             schema(has.Provider),
		ResourceSchemas:          each(has.ResourceSchemas, schema),
		DataSourceSchemas:        each(has.DataSourceSchemas, schema),
		EphemeralResourceSchemas: each(has.EphemeralResourceSchemas, schema),
		ListResourceSchemas:      each(has.ListResourceSchemas, schema),
		ActionSchemas: each(has.ActionSchemas, func(s *tfprotov6.ActionSchema) *tfjson.ActionSchema {
			return &tfjson.ActionSchema{Block: block(s.Schema.Block)}
		}),
		Functions:               each(has.Functions, function),
		ResourceIdentitySchemas: each(identities.IdentitySchemas, identity),
	}}}
}

func each[From, To any](all map[string]From, convert func(From) To) map[string]To {
	if len(all) == 0 {
		return nil
	}
	converted := make(map[string]To, len(all))
	for name, one := range all {
		converted[name] = convert(one)
	}
	return converted
}

func schema(s *tfprotov6.Schema) *tfjson.Schema {
	return &tfjson.Schema{Version: uint64(s.Version), Block: block(s.Block)}
}

func block(b *tfprotov6.SchemaBlock) *tfjson.SchemaBlock {
	nested := map[string]*tfjson.SchemaBlockType{}
	for _, n := range b.BlockTypes {
		nested[n.TypeName] = &tfjson.SchemaBlockType{
			NestingMode: tfjson.SchemaNestingMode(strings.ToLower(n.Nesting.String())),
			Block:       block(n.Block), MinItems: uint64(n.MinItems), MaxItems: uint64(n.MaxItems),
		}
	}
	return &tfjson.SchemaBlock{
		Attributes: attributes(b.Attributes), NestedBlocks: nested,
		Description: b.Description, DescriptionKind: kind(b.DescriptionKind), Deprecated: b.Deprecated,
	}
}

func attributes(all []*tfprotov6.SchemaAttribute) map[string]*tfjson.SchemaAttribute {
	converted := map[string]*tfjson.SchemaAttribute{}
	for _, a := range all {
		one := &tfjson.SchemaAttribute{
			Description: a.Description, DescriptionKind: kind(a.DescriptionKind), Deprecated: a.Deprecated,
			Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive, WriteOnly: a.WriteOnly,
		}
		if a.NestedType != nil {
			one.AttributeNestedType = &tfjson.SchemaNestedAttributeType{
				Attributes:  attributes(a.NestedType.Attributes),
				NestingMode: tfjson.SchemaNestingMode(strings.ToLower(a.NestedType.Nesting.String())),
			}
		} else {
			one.AttributeType = ctyType(a.Type)
		}
		converted[a.Name] = one
	}
	return converted
}

func identity(s *tfprotov6.ResourceIdentitySchema) *tfjson.IdentitySchema {
	converted := &tfjson.IdentitySchema{Version: uint64(s.Version), Attributes: map[string]*tfjson.IdentityAttribute{}}
	for _, a := range s.IdentityAttributes {
		converted.Attributes[a.Name] = &tfjson.IdentityAttribute{
			IdentityType: ctyType(a.Type), Description: a.Description,
			RequiredForImport: a.RequiredForImport, OptionalForImport: a.OptionalForImport,
		}
	}
	return converted
}

func function(f *tfprotov6.Function) *tfjson.FunctionSignature {
	converted := &tfjson.FunctionSignature{
		Summary: f.Summary, Description: f.Description, DeprecationMessage: f.DeprecationMessage,
		ReturnType: ctyType(f.Return.Type), VariadicParameter: parameter(f.VariadicParameter),
	}
	for _, p := range f.Parameters {
		converted.Parameters = append(converted.Parameters, parameter(p))
	}
	return converted
}

func parameter(p *tfprotov6.FunctionParameter) *tfjson.FunctionParameter {
	if p == nil {
		return nil
	}
	return &tfjson.FunctionParameter{Name: p.Name, Description: p.Description, IsNullable: p.AllowNullValue, Type: ctyType(p.Type)}
}

func kind(k tfprotov6.StringKind) tfjson.SchemaDescriptionKind {
	return tfjson.SchemaDescriptionKind(strings.ToLower(k.String()))
}

// ctyType is the same type in Terraform's own library: both have one notation.
func ctyType(t tftypes.Type) cty.Type {
	text, err := json.Marshal(t)
	if err == nil {
		var same cty.Type
		if same, err = ctyjson.UnmarshalType(text); err == nil {
			return same
		}
	}
	panic(fmt.Sprintf("the type %s of a schema: %v", t, err)) // A schema with it is served to no engine either.
}
