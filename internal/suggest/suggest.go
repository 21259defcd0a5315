// Package suggest finds the word that was meant by a misspelt one.
package suggest

import (
	"strings"

	"github.com/agext/levenshtein"
)

// shortest is the length from which the beginning of a word stands for it.
const shortest = 3

// Word returns the candidate that is close enough to the word to be a slip, else
// the first one that begins with it, or "". Case does not count. Of candidates
// that are equally close the first one wins.
func Word(word string, candidates []string) string {
	best, distance := "", len(word)/2+1
	for _, candidate := range candidates {
		if d := levenshtein.Distance(strings.ToLower(word), strings.ToLower(candidate), nil); d < distance {
			best, distance = candidate, d
		}
	}
	for _, candidate := range candidates {
		if best == "" && len(word) >= shortest && strings.HasPrefix(strings.ToLower(candidate), strings.ToLower(word)) {
			best = candidate
		}
	}
	return best
}
