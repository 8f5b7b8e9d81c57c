// Package gate is `slipway gate`: have people approved what is to be released?
package gate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// Options of `slipway gate`.
type Options struct {
	environment.Flags
	Plan   string        // folder that `slipway plan` wrote
	Backup string        // report.json of a backup that was taken since
	Retake bool          // a backup that is too old is said, and no reason to fail
	Wait   time.Duration // for approvals
	JSON   bool
}

// Command is `slipway gate`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: "gate", Short: "Decide whether people have approved what is to be released", Args: cobra.NoArgs,
		Long: "Decide whether people have approved what is to be released, and nothing else: which groups have to,\n" +
			"and through which environments of GitHub, says gate in " + platform.File + ". `slipway apply` decides it once more.",
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	action.Outputs(cmd, map[string]string{
		"approval": "digest that was approved",
		"approved": "true if all who have to have approved",
		"backup":   "old if it has to be taken again before the release, else fresh",
	})
	o.Add(cmd)
	cmd.Flags().StringVar(&o.Plan, "plan", filepath.Join(".slipway", "plan"), "folder with the plan and its evidence")
	cmd.Flags().StringVar(&o.Backup, "backup", "", "report.json of ci's stage backup, where the backup was taken again since the approval")
	cmd.Flags().BoolVar(&o.Retake, "retake", false, "a backup that has become too old, or is not on this machine where the database may go back to it, does not close the gate: the output backup says so, and apply takes a newer one as --backup")
	cmd.Flags().DurationVar(&o.Wait, "wait", 0, "how long approvals that are still missing are waited for, as in 30m")
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print the decision and its grounds as JSON")
	cmd.AddCommand(serveCommand())
	return cmd
}

// Run decides, and fails if something is missing.
func Run(ctx context.Context, o Options, w io.Writer) error {
	p, evidence, err := plan.Read(o.Plan)
	if err != nil {
		return err
	}
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	newer, err := Backup(ctx, e, o.Backup)
	if err != nil {
		return err
	}
	asked := Asked{Folder: o.Plan, Plan: p, Evidence: evidence, Backup: newer}
	answer, err := Await(ctx, w, o.Wait, o.Retake, func() (*gate.Answer, error) { return Decide(ctx, e, asked) })
	if answer == nil {
		return err
	}
	if why := asked.again(err); o.Retake && why != "" {
		action.Output("backup", "old")
		fmt.Fprintf(w, "the backup has to be taken again before the release: %s\n", why)
		err = nil
	} else if err == nil {
		action.Output("backup", "fresh")
	}
	action.Output("approved", fmt.Sprint(err == nil))
	if err == nil {
		action.Output("approval", answer.Digest)
	} else {
		e.Refused(ctx, w, p.By, err)
	}
	if err := summarize(answer, evidence); err != nil {
		return err
	}
	if o.JSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return errors.Join(encoder.Encode(answer), err)
	}
	return errors.Join(report.FindingsText(w, answer.Findings), err)
}

// ask is how often GitHub is asked while approvals are waited for.
const ask = 10 * time.Second

// Await decides again for as long as nothing but approvals is missing, and none
// was refused. A backup that is taken again later may be too old meanwhile.
func Await(ctx context.Context, w io.Writer, wait time.Duration, retake bool, decide func() (*gate.Answer, error)) (*gate.Answer, error) {
	answer, err := decide()
	for until := time.Now().Add(wait); answer != nil && waits(err, retake) && time.Now().Before(until); {
		fmt.Fprintf(w, "… %v\n", err)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(ask): // GitHub tells nobody in a job that somebody approved
		}
		answer, err = decide()
	}
	return answer, err
}

func waits(err error, retake bool) bool {
	var closed *gate.ClosedError
	if !errors.As(err, &closed) {
		return false
	}
	missing := false
	for _, f := range closed.Findings {
		switch {
		case f.Kind() == "approval" && !strings.Contains(f.Text, "rejected"):
			missing = true
		case f.Kind() != "backup" || !retake:
			return false
		}
	}
	return missing
}

// only reports whether a gate is closed for one kind of finding alone.
func only(err error, kind string) bool {
	var closed *gate.ClosedError
	return errors.As(err, &closed) && !slices.ContainsFunc(closed.Findings, func(f plan.Finding) bool { return f.Kind() != kind })
}

// Asked is what is to be released.
type Asked struct {
	Folder   string // of the plan
	Plan     *plan.Plan
	Evidence *plan.Evidence
	Backup   *plan.Item // that was taken since, nil if none was
}

// again says why the backup has to be taken again before the release, though all
// have approved it; "" if it has not.
func (a Asked) again(decided error) string {
	if only(decided, "backup") {
		return "it is too old"
	}
	item := cmp.Or(a.Backup, a.Evidence.Item(plan.Backup, ""))
	if decided != nil || !a.Plan.Restore || len(a.Plan.Migrations) == 0 || item == nil {
		return ""
	}
	if _, err := os.Stat(item.Path(a.Folder)); err != nil || item.File == "" {
		return "its file is not on this machine, and the database goes back to it if the release fails"
	}
	return ""
}

// Decide asks for an environment with a gate.
func Decide(ctx context.Context, e *environment.Environment, a Asked) (*gate.Answer, error) {
	if e.Gate() == nil {
		return nil, &platform.UsageError{Message: "environment " + e.Target.Environment + " has no gate", Advice: "say under environments." + e.Target.Environment + ".gate in " + platform.File + " what a release has to show"}
	}
	job, err := workflow.Open(os.Getenv)
	if err != nil {
		return nil, err
	}
	findings, err := readFindings(filepath.Join(a.Folder, plan.FindingsFile))
	if err != nil {
		return nil, err
	}
	q := Question(e, job)
	q.Plan, q.Evidence, q.Findings, q.Again = a.Plan, a.Evidence, findings, a.Backup
	return gate.Decide(ctx, q)
}

// Question is what a job asks about an environment, without the plan.
func Question(e *environment.Environment, job *workflow.Job) gate.Question {
	return gate.Question{
		GitHub: job.GitHub, Environment: e.Target.Environment, Gate: e.Gate(), Platform: e.Platform,
		Run: job.Run, Attempt: job.Attempt, SHA: platform.Commit(e.Platform.Root), Now: time.Now(),
	}
}

// Decided closes the issue on which people approved, where they did so there.
func Decided(ctx context.Context, e *environment.Environment) error {
	if e.Gate() == nil || !e.Gate().Comments {
		return nil
	}
	job, err := workflow.Open(os.Getenv)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer stop()
	q := Question(e, job)
	return q.Asked(ctx)
}

// readFindings are those of the preflight; none, if there was none.
func readFindings(file string) (findings []plan.Finding, err error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &findings)
	}
	if err != nil {
		return nil, &plan.ReadError{What: "findings", Err: err}
	}
	return findings, nil
}
