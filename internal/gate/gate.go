package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/plan"
)

// ClosedError says what stands in the way of a release.
type ClosedError struct {
	Environment string
	Findings    []plan.Finding // those that failed
}

func (e *ClosedError) Error() string {
	lines := make([]string, 0, len(e.Findings))
	for _, f := range e.Findings {
		lines = append(lines, f.ID+": "+f.Text)
	}
	if len(lines) == 1 {
		return fmt.Sprintf("the gate of %s is closed: %s", e.Environment, lines[0])
	}
	return fmt.Sprintf("the gate of %s is closed for %d reasons:\n  - %s", e.Environment, len(lines), strings.Join(lines, "\n  - "))
}

// Hint says what to do about it.
func (e *ClosedError) Hint() string {
	var advice []string
	for _, f := range e.Findings {
		if f.Advice != "" && !slices.Contains(advice, f.Advice) {
			advice = append(advice, f.Advice)
		}
	}
	return strings.Join(advice, "; ")
}

// closed is the error for findings of which some failed, nil where none did.
func closed(environment string, findings []plan.Finding) error {
	if failed := plan.Failed(findings); len(failed) > 0 {
		return &ClosedError{Environment: environment, Findings: failed}
	}
	return nil
}

func pass(id, format string, args ...any) plan.Finding {
	return plan.Finding{ID: id, Status: plan.Pass, Text: fmt.Sprintf(format, args...)}
}

func fail(id, advice, format string, args ...any) plan.Finding {
	return plan.Finding{ID: id, Status: plan.Fail, Text: fmt.Sprintf(format, args...), Advice: advice}
}

// unknown is for what could not be found out, which is never a yes.
func unknown(id string, err error) plan.Finding {
	f := fail(id, "", "%v", err)
	if hinted, ok := err.(interface{ Hint() string }); ok {
		f.Advice = hinted.Hint()
	}
	return f
}

func short(digest string) string { return digest[:min(12, len(digest))] }
