package release

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
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

// inside runs the platform's commands beside each other, each in a Job like one
// of its services.
func (v Verifier) inside(ctx context.Context, commands []platform.Command) error {
	if len(commands) == 0 {
		return nil
	}
	v.Say("· inside of the cluster: %s", count(len(commands), "command"))
	start := time.Now()
	run := strings.ToLower(rand.Text()[:6]) // others may be verifying as well
	outputs, errs := make([][]string, len(commands)), make([]error, len(commands))
	var work sync.WaitGroup
	for i := range commands {
		work.Go(func() {
			outputs[i], errs[i] = v.command(ctx, fmt.Sprintf("slipway-verify-%s-%d", run, i+1), commands[i])
		})
	}
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, lines := range outputs {
		for _, line := range lines {
			v.Say("  %s | %s", commands[i].Service, line)
		}
	}
	v.Say("✓ inside of the cluster (%.1fs)", time.Since(start).Seconds())
	return nil
}

// verifiesLabel has the number of the release that a Job verifies.
const verifiesLabel = "slipway.dev/verifies"

// verifies selects the Jobs that verify a release.
func verifies(release int) string { return verifiesLabel + "=" + strconv.Itoa(release) }

func (v Verifier) command(ctx context.Context, name string, c platform.Command) ([]string, error) {
	what := c.Service + ": " + strings.Join(c.Run, " ")
	like, err := rollout.Live(ctx, v.Cluster, v.Namespace, c.Service)
	if err != nil {
		return nil, err
	}
	if like == nil {
		return nil, &InsideError{Command: what, Reason: "the service does not run"}
	}
	task := kube.Task{Namespace: v.Namespace, Name: name, Like: like}
	if v.Release > 0 {
		task.Labels = map[string]string{verifiesLabel: strconv.Itoa(v.Release)}
		if v.Ledger != "" {
			task.Labels[kube.LedgerLabel] = v.Ledger
		}
	}
	output, err := rollout.RunCommand(ctx, v.Cluster, task, *commandOf(&c))
	lines := rollout.CleanLines([]byte(v.redact(output)))
	var failed *kube.TaskError
	if errors.As(err, &failed) {
		err = &InsideError{Command: what, Reason: v.redact(failed.Reason), Lines: lines}
	}
	return lines, err
}

func (v Verifier) redact(text string) string {
	if v.Redact == nil {
		return text
	}
	return v.Redact(text)
}
