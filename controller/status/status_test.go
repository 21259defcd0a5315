package status

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLongMessagesKeepBothEnds(t *testing.T) {
	t.Parallel()
	if short := strings.Repeat("é", mostMessage/2); shorten(short) != short {
		t.Error("a message that is not long was changed")
	}
	message := "Envoy refuses the listener: " + strings.Repeat("é", mostMessage) + " value length must be at most 16384 bytes"
	got := shorten(message)
	if len(got) > mostMessage+len(" … ") || !utf8.ValidString(got) ||
		!strings.HasPrefix(got, "Envoy refuses the listener: é") || !strings.HasSuffix(got, "é value length must be at most 16384 bytes") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
