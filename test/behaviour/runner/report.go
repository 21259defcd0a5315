package runner

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Report writes one line for a case that passed, and everything there is to know about one that did not.
// Verbose adds the probes that hold, those that do not count, and the controller's log.
func Report(w io.Writer, r *Result, verbose bool) {
	took := r.Took.Round(100 * time.Millisecond).Seconds()
	switch {
	case r.Error != "":
		fmt.Fprintf(w, "FAIL %s (not run, %.1fs)\n%s\n", r.Name, took, indent(r.Error, "    "))
	case r.Skipped != "":
		fmt.Fprintf(w, "skip %s (%s)\n", r.Name, r.Skipped)
	case r.Failed() > 0:
		fmt.Fprintf(w, "FAIL %s (%d of %d probes failed, %.1fs)\n", r.Name, r.Failed(), len(r.Probes), took)
	default:
		fmt.Fprintf(w, "ok %s (%d probes, %.1fs)\n", r.Name, len(r.Probes), took)
	}
	for _, p := range r.Probes {
		reportProbe(w, p, verbose)
	}
	if verbose && r.Log != "" {
		fmt.Fprintf(w, "%s\n", indent(r.Log, "    | "))
	}
}

func reportProbe(w io.Writer, p ProbeResult, verbose bool) {
	if len(p.Failures) == 0 || p.Artifact {
		if verbose {
			verdict := "holds"
			if p.Artifact {
				verdict = "does not count: a quirk of the peer"
			}
			fmt.Fprintf(w, "    %s: %s\n", p.Title, verdict)
		}
		if !verbose || !p.Artifact {
			return
		}
	} else {
		fmt.Fprintf(w, "    %s\n", p.Title)
	}
	for _, f := range p.Failures {
		fmt.Fprintf(w, "        %s\n", f)
	}
	if p.Note != "" && len(p.Failures) > 0 {
		fmt.Fprintf(w, "        (%s)\n", p.Note)
	}
}

func indent(text, prefix string) string {
	return prefix + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+prefix)
}
