package soak

import (
	"math"
	"runtime"
	"slices"
	"strings"
)

// profileRate is how many bytes are allocated, on average, between two that the profile notes. The tables of maps that
// matter here are larger, so nearly every one is noted.
const profileRate = 8 << 10

// heap returns the bytes that live objects take on the heap: those of the tables of maps, and all others.
//
// A map whose keys come and go keeps the slots of those that went and grows once they are in its way, until its tables are
// about half empty: twice its size at most, but it takes tens of thousands of rounds to get there. What leaks does not stop
// and is held by something else than a table: a key's string, a value.
func heap() (tables, others float64) {
	runtime.GC()
	runtime.GC() // what the first one finalizes
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	for _, record := range profile() {
		if inTable(record.Stack()) {
			tables += scaled(record)
		}
	}
	return tables, float64(stats.HeapAlloc) - tables
}

// profile returns what is in use, by where it was allocated, as of the last collection.
func profile() []runtime.MemProfileRecord {
	var records []runtime.MemProfileRecord
	for n, ok := runtime.MemProfile(nil, false); !ok; {
		records = slices.Grow(records[:0], n+n/4)
		records = records[:cap(records)]
		if n, ok = runtime.MemProfile(records, false); ok {
			records = records[:n]
		}
	}
	return records
}

// inTable reports whether a map allocated it: the calls nearest to the allocation are of the runtime.
func inTable(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "internal/runtime/maps.") {
			return true
		}
		if !more || !strings.HasPrefix(frame.Function, "runtime.") && !strings.HasPrefix(frame.Function, "internal/runtime/") {
			return false
		}
	}
}

// scaled returns the bytes that a record stands for: an allocation of n bytes is noted with a probability of 1 - e^(-n/rate).
func scaled(record runtime.MemProfileRecord) float64 {
	if record.InUseObjects() == 0 {
		return 0
	}
	each := float64(record.InUseBytes()) / float64(record.InUseObjects())
	return float64(record.InUseBytes()) / -math.Expm1(-each/profileRate)
}
