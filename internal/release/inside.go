package release

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/rollout"
)

// InsideError says that a command of the platform failed in the cluster.
type InsideError struct {
	Command string
	Reason  string
	Lines   []string // the end of what it said
}

func (e *InsideError) Error() string {
	text := fmt.Sprintf("verify inside of the cluster: %s: %s", e.Command, e.Reason)
	for _, line := range e.Lines {
		text += "\n  | " + line
	}
	return text
}

// inside runs the platform's commands, each in a Job like one of its services.
func (v Verifier) inside(ctx context.Context) error {
	for i, c := range v.Platform.Verify.Inside {
		start, what := time.Now(), c.Service+": "+strings.Join(c.Run, " ")
		like, err := rollout.Live(ctx, v.Cluster, v.Namespace, c.Service)
		if err != nil {
			return err
		}
		if like == nil {
			return &InsideError{Command: what, Reason: "the service does not run"}
		}
		output, err := rollout.RunCommand(ctx, v.Cluster, v.Namespace, fmt.Sprintf("slipway-verify-%d", i+1), like, *commandOf(&c))
		lines := rollout.CleanLines([]byte(v.redact(output)))
		var failed *kube.TaskError
		if errors.As(err, &failed) {
			return &InsideError{Command: what, Reason: v.redact(failed.Reason), Lines: lines}
		}
		if err != nil {
			return err
		}
		for _, line := range lines {
			v.Say("  | %s", line)
		}
		v.Say("✓ %s (inside of the cluster, %.1fs)", what, time.Since(start).Seconds())
	}
	return nil
}

func (v Verifier) redact(text string) string {
	if v.Redact == nil {
		return text
	}
	return v.Redact(text)
}
