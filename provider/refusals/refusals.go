// Package refusals tells at plan what the controller would say of an object at apply: it compiles the object alone. What
// depends on other objects is left to the controller.
package refusals

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"terraform-provider-emissary/controller/compile"
	"terraform-provider-emissary/controller/store"
	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/crds/v3alpha1"
)

// Of returns what is wrong with an object of v3alpha1 by itself: with [compile.Error] the controller refuses it, or a
// part of it; with [compile.Warning] a part has no effect. An object that cannot be read has no problems here: the API
// server has its own.
func Of(object map[string]any) []compile.Problem {
	decoded, wanted, err := manifest.DecodeObject(runtime.DeepCopyJSON(object))
	if err != nil || decoded.Err != nil || !wanted {
		return nil
	}
	subject, isOurs := decoded.Object.(v3alpha1.Object)
	if !isOurs {
		return nil
	}
	options := compile.Defaults()
	if ids := subject.GetAmbassadorID(); len(ids) > 0 {
		options.AmbassadorID = ids[0]
	}
	problems := compiled(options, subject)
	if len(problems) > 0 && decoded.Ref.Kind != "Module" {
		problems = compiled(options, subject, permissive(options))
	}
	return problems
}

// permissive is a Module that lets pass what some Module could: which one there is, an object does not know.
func permissive(options compile.Options) *v3alpha1.Module {
	return &v3alpha1.Module{
		ObjectMeta: metav1.ObjectMeta{Name: "ambassador", Namespace: options.Namespace},
		Spec: v3alpha1.ModuleSpec{
			AmbassadorID: v3alpha1.AmbassadorID{options.AmbassadorID},
			Config:       v3alpha1.UntypedObject{RawExtension: runtime.RawExtension{Raw: []byte(`{"resolver": "kubernetes-endpoint", "regex_max_size": 2147483647}`)}},
		},
	}
}

// compiled are the problems of the subject among other objects that are about itself.
func compiled(options compile.Options, subject v3alpha1.Object, others ...v3alpha1.Object) (problems []compile.Problem) {
	s := store.New()
	s.Upsert(subject)
	for _, other := range others {
		s.Upsert(other)
	}
	report := compile.Compile(s, options).Reports[store.RefOf(subject)]
	if report == nil {
		return nil
	}
	for _, problem := range report.Problems {
		switch problem.Reason {
		case compile.ReasonInvalid, compile.ReasonIgnored:
			problems = append(problems, problem)
		case compile.ReasonNotImplemented: // Another controller may do it.
			problem.Severity = compile.Warning
			problems = append(problems, problem)
		}
	}
	return problems
}
