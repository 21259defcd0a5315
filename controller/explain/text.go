package explain

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// WriteText writes an explanation for people to read.
func (x *Explanation) WriteText(w io.Writer) error {
	t := &text{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.line("%s %s", x.Request.method(), x.Request.URL())
	t.line("")
	for _, o := range x.Outcomes {
		share := ""
		if o.Share < 100 {
			share = percentText(o.Share) + " of requests: "
		}
		t.line("%s%s", share, o.headline())
		for _, detail := range o.details() {
			t.line("  %s", detail)
		}
	}
	t.line("")
	x.writeWay(t)
	if len(x.Nearest) > 0 {
		t.line("")
		t.line("Nearest others:")
		for _, near := range x.Nearest {
			t.row(near.Mapping.String(), near.Why)
		}
	}
	if len(x.Notes) > 0 {
		t.line("")
		t.line("Not evaluated:")
		for _, note := range x.Notes {
			t.line("  %s", note)
		}
	}
	return t.Flush()
}

// text writes lines, and rows whose second columns line up.
type text struct{ *tabwriter.Writer }

func (t *text) line(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }

func (t *text) row(name, value string) { t.line("  %s\t%s", name, value) }

// writeWay writes what the request went through.
func (x *Explanation) writeWay(t *text) {
	if l := x.Listener; l != nil {
		object := ""
		if l.Object != nil {
			object = l.Object.String() + ", "
		}
		t.row("Listener", fmt.Sprintf("%sport %d (%s)", object, l.Port, l.Name))
	}
	if x.FilterChain != "" {
		t.row("filter chain", x.FilterChain)
	}
	if x.RouteConfiguration != "" {
		t.row("route configuration", x.RouteConfiguration)
	}
	if x.VirtualHost != "" {
		var hosts []string
		for _, host := range x.Hosts {
			hosts = append(hosts, host.String())
		}
		if len(hosts) == 0 {
			hosts = []string{"there is no Host object; everything is served"}
		}
		t.row("Host", fmt.Sprintf("%s (%s)", strings.Join(hosts, ", "), x.VirtualHost))
	}
	if x.Path != "" && x.Path != x.Request.Path {
		t.row("normalized path", x.Path)
	}
}

// headline says in one line what becomes of a request.
func (o *Outcome) headline() string {
	switch o.Action {
	case Forward:
		if o.Mapping == nil {
			return "served by several TCPMappings"
		}
		return "served by " + o.Mapping.String()
	case Redirect:
		answer := fmt.Sprintf("answered with %d, to %s", o.Status, o.Location)
		if o.insecure {
			return fmt.Sprintf("%s: %s", answer, o.Why)
		}
		return fmt.Sprintf("%s, by %s", answer, o.Mapping)
	case Respond:
		return fmt.Sprintf("answered with %d: %s", o.Status, o.Why)
	default:
		return "connection closed: " + o.Why
	}
}

// details are the lines below the headline.
func (o *Outcome) details() []string {
	var lines []string
	add := func(name, format string, args ...any) {
		lines = append(lines, name+"\t"+fmt.Sprintf(format, args...))
	}
	if o.Action == Respond && o.Mapping != nil || o.insecure {
		add("Mapping", "%s", o.Mapping)
	}
	if o.Route != "" {
		add("route", "%s", o.Route)
	}
	for _, s := range o.Services {
		share := ""
		if s.Share < 100 {
			share = fmt.Sprintf(", %s of connections", percentText(s.Share))
		}
		if s.Mapping != nil {
			share += " by " + s.Mapping.String()
		}
		add("service", "%s%s (cluster %s)", s.Name, share, s.Cluster)
	}
	if o.Path != "" {
		add("as", "%s%s", o.Host, o.Path)
	}
	for _, s := range o.Shadows {
		add("shadow", "%s gets copies of %s (cluster %s)", s.Name, percentText(s.Share), s.Cluster)
	}
	return lines
}

func percentText(share float64) string {
	return strconv.FormatFloat(math.Round(share*100)/100, 'f', -1, 64) + " %"
}
