package compile

import (
	"slices"
	"strings"
	"testing"
)

// TestConditionOnProtoBySecurityModel has conditions on the header that the securityModel XFP decides by.
func TestConditionOnProtoBySecurityModel(t *testing.T) {
	t.Parallel()
	objects, options := parse(t, strings.Replace(base, "securityModel: SECURE", "securityModel: XFP", 1)+
		mappingYAML("alone", "{hostname: '*', prefix: /a/, headers: {X-Forwarded-Proto: https}, service: s}")+
		mappingYAML("more", "{hostname: '*', prefix: /m/, headers: {X-Forwarded-Proto: https, x: v}, service: s}"))
	var got []string
	for _, route := range Compile(objects, options).Routes[0].VirtualHosts[0].Routes {
		text := strings.TrimPrefix(route.Name, "default/")
		for _, header := range route.Match.Headers {
			text += " " + header.Name + "=" + header.GetStringMatch().GetExact()
		}
		got = append(got, text)
	}
	want := []string{"more x=v x-forwarded-proto=https", "more x=v", "alone x-forwarded-proto=https", "alone X-Forwarded-Proto=https"}
	if !slices.Equal(got, want) {
		t.Errorf("routes are\n%q, want\n%q", got, want)
	}
}
