package report

import (
	"strconv"
	"strings"
)

// thousands writes 12345 as 12,345.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	return b.String()
}

// number writes three digits that count: 123, 12.3, 1.23, 0.123.
func number(value float64) string {
	decimals := 0
	for bound := 100.0; decimals < 3 && value < bound; bound /= 10 {
		decimals++
	}
	text := strconv.FormatFloat(value, 'f', decimals, 64)
	if strings.ContainsRune(text, '.') {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// MiB writes bytes as mebibytes.
func (Memory) MiB(bytes int64) string { return number(float64(bytes) / (1 << 20)) }

// Time writes how long one operation takes.
func (b Benchmark) Time() string {
	switch {
	case b.Nanoseconds >= 1e6:
		return number(b.Nanoseconds/1e6) + " ms"
	case b.Nanoseconds >= 1e3:
		return number(b.Nanoseconds/1e3) + " µs"
	}
	return number(b.Nanoseconds) + " ns"
}

// BytesText is how much one operation allocates.
func (b Benchmark) BytesText() string { return thousands(int(b.Bytes)) }

// AllocationsText is how often one operation allocates.
func (b Benchmark) AllocationsText() string { return thousands(int(b.Allocations)) }
