package schema

import "github.com/hashicorp/terraform-plugin-go/tftypes"

// Encode turns a known Terraform value of any type into what a manifest holds: maps, slices, texts, booleans, int64 and
// float64. Attributes that are null are left out, as they are for the resources; a null in a list is an error.
func Encode(value tftypes.Value) (any, error) { return encodeAny(value) }

// Decode gives a value of a manifest the type that Terraform gives to the same value written as a literal: objects and
// tuples. Numbers must be int64 or float64.
func Decode(value any) tftypes.Value { return decodeAny(value) }
