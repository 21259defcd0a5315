// Package crd owns the life cycle of the product's CRDs in a cluster: what a
// change of them means, who else manages them, which objects it would hurt, and
// moving objects to another stored version. It knows no Terraform.
package crd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"terraform-provider-emissary/crds"
	"terraform-provider-emissary/internal/kube"
)

// The label by which kubectl finds the CRDs; the emissary-crds chart sets it, too.
const (
	PartOfLabel = "app.kubernetes.io/part-of"
	PartOf      = "emissary-ingress"
)

// countTimeout bounds counting the objects of a kind for a plan.
const countTimeout = 5 * time.Second

// Options say what an installation may do to what others have made.
type Options struct {
	// TakeOwnership takes CRDs over although somebody else manages them.
	TakeOwnership bool
	// AllowNarrowing takes away versions and fields that objects use;
	// ConfirmDataLoss as well where that loses values of objects.
	AllowNarrowing, ConfirmDataLoss bool
}

// Survey is how the CRDs in a cluster compare with their definitions.
type Survey struct {
	// Live are the CRDs that are there and stay.
	Live []*kube.CRD
	// Changes is what an installation would change, a line for each version of a
	// kind that differs and for each migration; empty when all is as it should be.
	Changes []string
	// Harms are the kinds with objects that it would hurt.
	Harms []Harm

	migrations []*migration
}

// Look compares the CRDs in a cluster with the embedded ones. It reads objects
// only of kinds where something would be taken away.
func Look(ctx context.Context, client *kube.Client) (*Survey, error) {
	found, err := client.GetCRDs(ctx, Names())
	if err != nil {
		return nil, err
	}
	s := &Survey{Live: slices.DeleteFunc(found, func(crd *kube.CRD) bool { return crd.DeletionTimestamp != nil })}
	for _, definition := range crds.Definitions() {
		live := s.find(definition.Name)
		for _, change := range Compare(live, definition) {
			s.Changes = append(s.Changes, change.String())
		}
		if live == nil {
			continue
		}
		harm, err := harmOf(ctx, client, live, definition)
		if err != nil {
			return nil, err
		}
		if harm.any() {
			s.Harms = append(s.Harms, harm)
		}
		if m := migrationOf(ctx, client, live, prepared(definition, live)); m != nil {
			s.migrations = append(s.migrations, m)
			s.Changes = append(s.Changes, m.describe(ctx))
		}
	}
	return s, nil
}

func (s *Survey) find(name string) *kube.CRD {
	for _, crd := range s.Live {
		if crd.Name == name {
			return crd
		}
	}
	return nil
}

// Refusal says why an installation with these options must not be; nil when it
// may.
func (s *Survey) Refusal(o Options) error {
	lost := slices.ContainsFunc(s.Harms, func(h Harm) bool { return len(h.Lost) > 0 })
	if len(s.Harms) == 0 || o.AllowNarrowing && (!lost || o.ConfirmDataLoss) {
		return nil
	}
	var list []string
	for _, harm := range s.Harms {
		list = append(list, harm.String())
	}
	advice := "Use a version of the provider that has what they use, or change these objects and clients first. " +
		"allow_narrowing = true takes it away all the same"
	if lost {
		advice += ", with confirm_data_loss = true: values of fields that go are lost when their object is next written"
	}
	return fmt.Errorf("the provider's CRDs would take away what is in use: %s. %s", strings.Join(list, ". "), advice)
}

// Install writes the CRDs and returns when the API server serves all of them,
// with what it changed. Those that are there are taken over, unless somebody
// else manages them; what runs their conversion webhook keeps spec.conversion.
// When it refuses, nothing is written. Objects that are stored in a version that
// the definitions do not have are rewritten before it goes.
func Install(ctx context.Context, client *kube.Client, o Options) ([]string, error) {
	survey, err := Look(ctx, client)
	if err != nil {
		return nil, err
	}
	if !o.TakeOwnership {
		if err := checkOwners(ctx, client, survey.Live); err != nil {
			return nil, err
		}
	}
	if err := survey.Refusal(o); err != nil {
		return nil, err
	}
	definitions := make([]*kube.CRD, 0, len(crds.Definitions()))
	for _, definition := range crds.Definitions() {
		definitions = append(definitions, prepared(definition, survey.find(definition.Name)))
	}
	for _, m := range survey.migrations {
		m.lossy = o.AllowNarrowing && o.ConfirmDataLoss
		if err := m.run(ctx); err != nil {
			return nil, fmt.Errorf("CustomResourceDefinition %s on %s: %w", m.definition.Name, client.Server(), err)
		}
	}
	return survey.Changes, client.ApplyCRDs(ctx, definitions)
}

// prepared is the definition as it is written: with the label that finds it,
// and safe from the Helm release that it may have been part of.
func prepared(definition, live *kube.CRD) *kube.CRD {
	definition = definition.DeepCopy()
	definition.Labels = map[string]string{PartOfLabel: PartOf}
	if live != nil && live.Annotations[helmName] != "" {
		if definition.Annotations == nil {
			definition.Annotations = map[string]string{}
		}
		definition.Annotations[helmKeep] = "keep"
	}
	return definition
}

// Names are the names of the CRDs, sorted.
func Names() []string {
	var names []string
	for _, definition := range crds.Definitions() {
		names = append(names, definition.Name)
	}
	return names
}
