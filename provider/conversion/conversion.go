// Package conversion turns what kubectl prints, and folders of manifests, into configuration of this provider or into
// manifests of v3alpha1. It is pure: it asks no cluster.
//
// Nothing is lost silently: whatever is not in the output is named in a message, by object and field. The same input
// always gives the same output.
package conversion

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"terraform-provider-emissary/controller/watch/manifest"
	"terraform-provider-emissary/internal/release"
)

// Format is what the input is converted to.
type Format string

// The formats.
const (
	// HCL is configuration of this provider.
	HCL Format = "hcl"
	// YAML is manifests, those of getambassador.io in v3alpha1. Objects of other groups stay as they are.
	YAML Format = "yaml"
)

// Options say how to convert.
type Options struct {
	To Format
	// Imports adds an import block to each resource whose object the input has. HCL only.
	Imports bool
	// Namespace is that of objects that name none; empty is "default".
	Namespace string
}

// Source is a text with YAML documents.
type Source struct {
	// Name is the text's in errors: a file's name.
	Name string
	Data []byte
}

// Result is the output, with what is to be said about it.
type Result struct {
	Text     []byte
	Messages []Message
}

// Complete reports whether all the input that the output could hold is in it.
func (r *Result) Complete() bool {
	for _, message := range r.Messages {
		if message.Severity != Note {
			return false
		}
	}
	return true
}

// Severity is how much a message matters.
type Severity string

// The severities.
const (
	// Note is about something that is right as it is.
	Note Severity = "note"
	// Warning is about a part of an object that is not in the output, or that a plan would refuse.
	Warning Severity = "warning"
	// Error is about an object that is not in the output.
	Error Severity = "error"
)

// Message says something about one object.
type Message struct {
	Severity Severity
	// About is the object's kind, namespace and name, "Mapping default/quote", or the place of what is none.
	About string
	Text  string
}

func (m Message) String() string { return fmt.Sprintf("%s: %s: %s", m.Severity, m.About, m.Text) }

// Convert converts all sources together. It is an error when one of them cannot be read, or none holds an object; the
// result then has the messages so far.
func Convert(sources []Source, options Options) (*Result, error) {
	options.Namespace = cmp.Or(options.Namespace, manifest.DefaultNamespace)
	c := &converter{options: options, result: &Result{}}
	items, err := c.read(sources)
	if err != nil {
		return c.result, err
	}
	c.inventory = takeInventory(items)
	for _, item := range items {
		c.add(item)
	}
	c.sum()
	if options.To == YAML {
		c.result.Text, err = c.manifests()
	} else {
		c.result.Text = c.configuration()
	}
	return c.result, err
}

// converter carries one conversion.
type converter struct {
	options Options
	inventory
	result *Result

	// objects are those of the output, in the order of the input.
	objects []*object
	// releases and crds are what only configuration has.
	releases []*release.Record
	crds     bool
	// members counts the objects that are left to the release they belong to, hidden those with fields that only
	// conversion needs.
	members map[string]int
	hidden  int
}

// object is one of the output.
type object struct {
	content map[string]any
	// origin is what the object was made from, if not from itself: "Ingress web/shop".
	origin string
	// resourceType and attributes describe it as configuration.
	resourceType string
	attributes   map[string]any
}

func (c *converter) say(severity Severity, about map[string]any, format string, arguments ...any) {
	c.tell(severity, nameOf(about), fmt.Sprintf(format, arguments...))
}

func (c *converter) tell(severity Severity, about, text string) {
	c.result.Messages = append(c.result.Messages, Message{severity, about, text})
}

// add converts one item of the input.
func (c *converter) add(item map[string]any) {
	u := &unstructured.Unstructured{Object: item}
	group := u.GroupVersionKind().Group
	switch {
	case c.leftToRelease(u):
	case isOurs(group):
		c.own(item)
	case isRecord(u):
		c.record(u)
	case isDefinition(u):
		c.definition(item)
	case isIngress(u):
		c.annotated(u)
		c.ingress(u)
	case isService(u):
		c.annotated(u)
		c.other(item)
	default:
		c.other(item)
	}
}

// other is an object that no resource manages.
func (c *converter) other(item map[string]any) {
	if c.options.To == YAML {
		c.objects = append(c.objects, &object{content: clean(item)})
		return
	}
	c.say(Note, item, "it is left out: no resource of this provider manages it")
}

// sum says of many objects at once what need not be said of each.
func (c *converter) sum() {
	for _, record := range c.releases {
		if count := c.members[record.String()]; count > 0 {
			c.tell(Note, "Release "+record.String(), fmt.Sprintf("%s in the input belong to it and are managed through it", counted(count)))
		}
	}
	if c.hidden > 0 {
		c.tell(Note, counted(c.hidden), "fields that are there for conversion back to v2 (v2ExplicitTLS and the like) are left out: they mean nothing in v3alpha1")
	}
}

// counted is a number of objects in words.
func counted(objects int) string {
	if objects == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", objects)
}
