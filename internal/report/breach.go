package report

import (
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/ledger"
)

// Breach is the Markdown of what the watch found of a release, and how many of
// its breaches nobody acknowledged.
func Breach(r *ledger.Record) (text string, open int) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", escape(r.Verdict))
	if strings.HasPrefix(r.By.Run, "https://") {
		fmt.Fprintf(&b, "Released by [%s](%s), commit %s.\n\n", escape(r.By.Name()), linkTarget(r.By.Run), code(r.Source))
	}
	b.WriteString("| | what | of | first | times | evidence |\n|--:|---|---|---|--:|---|\n")
	for _, f := range r.Watch.Findings {
		kind, evidence := escape(f.Kind), escape(f.Text)
		if f.Breach {
			kind = "**" + kind + "**"
		}
		if f.Acknowledged != "" {
			evidence += "<br>acknowledged by " + escape(f.Acknowledged)
		} else if f.Breach {
			open++
		}
		if f.Kept != "" {
			evidence += "<br>not taken back by itself: " + escape(f.Kept)
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %d | %s |\n", f.Number, kind, escape(f.Subject), f.First.UTC().Format("2006-01-02 15:04 MST"), f.Count, evidence)
	}
	if d := r.Watch.Dispatched; d != nil {
		fmt.Fprintf(&b, "\n%s; [it waits there](%s) for who approves it.\n", escape(d.String()), linkTarget(d.Link))
	}
	fmt.Fprintf(&b, "\n`slipway rollback --env %[1]s` goes back; `slipway watch --env %[1]s --acknowledge N --reason …` says that one may stay.\n", r.Environment)
	return b.String(), open
}
