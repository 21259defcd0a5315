package compile

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// The checks below stand between a user's text and Envoy, which refuses a whole resource for one bad field. Each takes
// the field's name, so that its error can be shown as it is.

// maxHeaderBytes is the longest header name or value that Envoy takes from its configuration.
const maxHeaderBytes = 16384

// maxServerName is the longest TLS server name that Envoy takes, and more than a hostname can have (RFC 1035: 253).
const maxServerName = 255

// checkHeaderName reports whether a header of that name can be matched. Pseudo-headers (":authority") can.
func checkHeaderName(field, name string) error {
	if len(name) > maxHeaderBytes {
		return fmt.Errorf("%s: the header name %.50q... has %d bytes, %d are allowed: shorten it", field, name, len(name), maxHeaderBytes)
	}
	if !httpguts.ValidHeaderFieldName(strings.TrimPrefix(name, ":")) {
		return fmt.Errorf("%s: %q is not a header name: use letters, digits and -_.!#$%%&'*+^`|~", field, name)
	}
	return nil
}

// checkEditableHeader reports whether a header of that name can be added or removed. Envoy refuses to touch
// pseudo-headers and Host that way.
func checkEditableHeader(field, name string) error {
	if strings.HasPrefix(name, ":") || strings.EqualFold(name, "host") {
		return fmt.Errorf("%s: %q cannot be changed as a header: use host_rewrite for the host and rewrite for the path", field, name)
	}
	return checkHeaderName(field, name)
}

// checkHeaderValue reports whether text can stand in a header.
func checkHeaderValue(field, text string) error {
	if !httpguts.ValidHeaderFieldValue(text) || !utf8.ValidString(text) {
		return fmt.Errorf("%s: %q has a character that no header may carry", field, text)
	}
	return nil
}

// checkServerName reports whether text can be sent as a TLS server name.
func checkServerName(field, text string) error {
	if len(text) > maxServerName {
		return fmt.Errorf("%s: the host name %.50q... has %d characters, %d are allowed: shorten it", field, text, len(text), maxServerName)
	}
	return checkHeaderValue(field, text)
}

// checkText reports whether text can be sent to Envoy at all.
func checkText(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("the text is not UTF-8, or has a NUL character")
	}
	return nil
}

// parseDuration reads a duration that is written as a string, such as "3s" or "250ms".
func parseDuration(field, text string) (time.Duration, error) {
	duration, err := time.ParseDuration(text)
	if err != nil || duration < 0 {
		return 0, fmt.Errorf("%s: %q is not a duration: write a number with a unit, such as 3s or 250ms", field, text)
	}
	return duration, nil
}

// checkPeriod reports whether a duration, if it is given, is above zero.
func checkPeriod(field, text string) error {
	if text == "" {
		return nil
	}
	duration, err := parseDuration(field, text)
	if err == nil && duration == 0 {
		err = fmt.Errorf("%s: %q is not above zero", field, text)
	}
	return err
}

// firstError returns the first of several errors.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkNotNegative reports whether a number that may be unset is at least 0, and no more than Envoy can hold.
func checkNotNegative(field string, n *int) error {
	if n != nil && (*n < 0 || *n > math.MaxInt32) {
		return fmt.Errorf("%s: %d is out of range: give 0 to %d", field, *n, math.MaxInt32)
	}
	return nil
}

// checkAboveZero reports whether a number that may be unset is at least 1.
func checkAboveZero(field string, n *int) error {
	if n != nil && (*n < 1 || *n > math.MaxInt32) {
		return fmt.Errorf("%s: %d is out of range: give 1 to %d", field, *n, math.MaxInt32)
	}
	return nil
}

// checkOneOf reports whether a value is one of those allowed.
func checkOneOf(field, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is not allowed: use one of %s", field, value, strings.Join(allowed, ", "))
}
