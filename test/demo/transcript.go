package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Colours, unless the output is not a terminal or NO_COLOR is set
// (https://no-color.org).
var bold, dim, green, red, reset = colours()

func colours() (bold, dim, green, red, reset string) {
	info, err := os.Stdout.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("NO_COLOR") != "" {
		return "", "", "", "", ""
	}
	return "\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m"
}

// chapter prints a heading.
func chapter(title string) {
	fmt.Printf("\n%s%s%s\n", bold, title, reset)
}

// step does one thing and prints what it was, what came of it and how long it
// took. The note may have several lines.
func step(title string, do func() (note string, err error)) error {
	start := time.Now()
	note, err := do()
	took := time.Since(start)
	mark := green + "✓" + reset
	if err != nil {
		mark = red + "✗" + reset
	}
	fmt.Printf("  %s %-62s %s%6.1f s%s\n", mark, title, dim, took.Seconds(), reset)
	if err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	if note != "" {
		fmt.Printf("%s%s%s\n", dim, indent(note), reset)
	}
	return nil
}

func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n      ")
}
