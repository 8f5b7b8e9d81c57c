// Package releases is `slipway releases` and `slipway release N`: what was
// released to an environment, and all that is known of one release.
package releases

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// List is `slipway releases`.
func List() *cobra.Command {
	var flags environment.Flags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "releases", Short: "List the releases of an environment, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return list(cmd.Context(), flags, asJSON, cmd.OutOrStdout())
		},
	}
	flags.Add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// Show is `slipway release N`.
func Show() *cobra.Command {
	var flags environment.Flags
	var asJSON bool
	var sign, same, page string
	cmd := &cobra.Command{
		Use: "release NUMBER", Short: "Show one release: its steps, and how it ended", Args: oneNumber,
		Long: "Show one release: its steps, and how it ended. Instead of its number, `present` is the one that the environment is at.",
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := strconv.Atoi(args[0])
			if args[0] != present && (err != nil || number < 1) {
				return &platform.UsageError{Message: strconv.Quote(args[0]) + " is no number of a release", Advice: "`slipway releases` lists them"}
			}
			if sign != "" {
				return signed(cmd.Context(), flags, number, sign, same, cmd.OutOrStdout())
			}
			if page != "" {
				return written(cmd.Context(), flags, number, page, cmd.OutOrStdout())
			}
			return show(cmd.Context(), flags, number, asJSON, cmd.OutOrStdout())
		},
	}
	flags.Add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&page, "html", "", "file to write the report to, a page that needs no network")
	cmd.Flags().StringVar(&sign, "sign", "", "file to write the record to, signed with the key in "+keyVariable+", for a gate elsewhere")
	cmd.Flags().StringVar(&same, "plan", "", "folder of a plan that would change nothing, whose commit is signed too: what it makes is what this release made")
	return cmd
}

func oneNumber(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &platform.UsageError{Message: "release takes the number of one release, or " + present, Advice: "`slipway releases` lists them"}
	}
	return nil
}

// written writes the release's page.
func written(ctx context.Context, flags environment.Flags, number int, file string, w io.Writer) error {
	e, r, err := find(ctx, flags, number)
	if err != nil {
		return err
	}
	page := report.Page{Name: e.Ledger.Name(r.Number), Record: r, Runs: e.Ledger.Now(ctx), Logs: r.Logs}
	if newest, err := e.Ledger.Present(ctx); err == nil && newest != nil && newest.Number == r.Number {
		page.Said = e.Said(ctx, r)
	}
	if err := page.WriteFile(file); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, file)
	return err
}

// present is written instead of a number.
const present = "present"

// find returns a release that is there; 0 is the one that the environment is at.
func find(ctx context.Context, flags environment.Flags, number int) (*environment.Environment, *ledger.Record, error) {
	e, err := flags.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if number == 0 {
		if number, err = at(ctx, e); err != nil {
			return nil, nil, err
		}
	}
	r, err := e.Ledger.Release(ctx, number)
	if err == nil && r == nil {
		err = &action.Error{Code: action.Usage, Err: fmt.Errorf("there is no release %s", e.Ledger.Name(number)), Advice: "`slipway releases` lists them"}
	}
	return e, r, err
}

// at is the number of the release that the environment is at: after a rollback the
// one that it went back to.
func at(ctx context.Context, e *environment.Environment) (int, error) {
	r, err := e.Ledger.Present(ctx)
	switch {
	case err != nil:
		return 0, err
	case r != nil && r.RollbackTo == nil:
		return r.Number, nil
	case r != nil && *r.RollbackTo > 0:
		return *r.RollbackTo, nil
	}
	return 0, &action.Error{Code: action.Usage, Err: fmt.Errorf("%s is at no release", e.Ledger.Environment), Advice: "`slipway releases` lists them"}
}

func list(ctx context.Context, flags environment.Flags, asJSON bool, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	records, err := e.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return err
	}
	damaged := err
	if asJSON {
		err = write(w, records)
	} else {
		err = table(w, e.Ledger, records)
	}
	return errors.Join(err, damaged)
}

func table(w io.Writer, l *ledger.Ledger, records []*ledger.Record) error {
	if len(records) == 0 {
		_, err := fmt.Fprintf(w, "nothing was released to %s yet\n", l.Environment)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "release\tstate\tbegun\ttook\tby\tresult")
	for _, r := range records {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Name(r.Number), r.Word(), r.Started.Local().Format(time.DateTime), took(r.Started, r.Ended), r.By, r.Verdict)
	}
	return t.Flush()
}

func took(from time.Time, to *time.Time) string {
	if to == nil {
		return ""
	}
	return to.Sub(from).Round(100 * time.Millisecond).String()
}

func show(ctx context.Context, flags environment.Flags, number int, asJSON bool, w io.Writer) error {
	e, r, err := find(ctx, flags, number)
	if err != nil {
		return err
	}
	if asJSON {
		return write(w, r)
	}
	return details(w, e.Ledger, r)
}

func details(w io.Writer, l *ledger.Ledger, r *ledger.Record) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%s\n", l.Name(r.Number), r.Word())
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	row("result", r.Verdict)
	row("services", report.Total(r.Outcomes))
	row("by", r.By.String())
	row("begun", r.Started.Local().Format(time.DateTime))
	row("took", took(r.Started, r.Ended))
	row("source", r.Source)
	row("promotes", r.From)
	row("plan", r.Plan)
	row("approved", r.Approval)
	for _, a := range r.Approvals {
		row("by "+a.Group, fmt.Sprintf("%s, in %s, seen %s", a.By, a.Environment, a.Seen.Local().Format(time.DateTime)))
	}
	for _, f := range r.Findings {
		if f.Waiver != nil {
			row("waived", fmt.Sprintf("%s by %s: %s", f.ID, f.Waiver.By, f.Waiver.Why))
		}
	}
	for _, f := range plan.Failed(r.Told) {
		row("not told", f.Text)
	}
	for _, note := range r.Notes {
		row("note", note)
	}
	for _, o := range r.Objects {
		for _, change := range changes(o) {
			row(o.ID, change)
		}
	}
	for _, s := range r.Steps {
		state := "unfinished"
		switch {
		case s.Error != "":
			state = "failed: " + s.Error
		case s.Ended != nil:
			state = "done"
		}
		if s.Answered > 0 {
			state += fmt.Sprintf(", answered in %d ms", max(1, int(1000*s.Answered)))
		}
		row(s.Name, fmt.Sprintf("%s\t%s", took(s.Begun, s.Ended), state))
	}
	return t.Flush()
}

// changes are what people look for of an object that a release wrote.
func changes(o ledger.Touched) (out []string) {
	before, after := o.Before, o.After
	if before == nil {
		before = &ledger.Facts{}
	}
	if after == nil {
		return []string{"taken back"}
	}
	for i, image := range after.Images {
		was := ""
		if i < len(before.Images) {
			was = before.Images[i]
		}
		if was != image {
			out = append(out, "image "+from(report.ShortImage(was))+" → "+report.ShortImage(image))
		}
	}
	if n := after.Replicas; n != nil && (before.Replicas == nil || *before.Replicas != *n) {
		was := "none"
		if before.Replicas != nil {
			was = strconv.FormatInt(*before.Replicas, 10)
		}
		out = append(out, "replicas "+was+" → "+strconv.FormatInt(*n, 10))
	}
	if after.Content != before.Content {
		out = append(out, "content "+from(shortHash(before.Content))+" → "+shortHash(after.Content))
	}
	switch {
	case len(out) > 0:
	case o.Before == nil:
		out = []string{"made"}
	default:
		out = []string{"changed"}
	}
	return out
}

func from(what string) string { return cmp.Or(what, "none") }

// shortHash is enough of a keyed hash to see whether two are the same.
func shortHash(hash string) string {
	_, digits, _ := strings.Cut(hash, ":")
	return digits[:min(8, len(digits))]
}

func write(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
