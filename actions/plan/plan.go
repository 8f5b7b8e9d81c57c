// Package plan is `slipway plan`: what a release would do, before anybody is
// asked to approve it.
package plan

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
)

// Options of `slipway plan`.
type Options struct {
	environment.Flags
	Images string   // file that `ci images` wrote
	From   string   // release to promote, such as staging#41
	Record string   // copy of that release's record
	Only   []string // services
	Report []string // report.json of runs of ci, with the evidence
	Out    string   // folder for the plan
	JSON   bool
}

// Command is `slipway plan`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: "plan", Short: "Say exactly what a release would do, and change nothing", Args: cobra.NoArgs,
		Long: "Say exactly what a release would do, and change nothing. The plan is written with its evidence into a folder,\n" +
			"and the digest that people approve is printed: `slipway apply` releases that, or nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Env != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "planning a release of "+o.Env)
			}
			return Run(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	action.Outputs(cmd, map[string]string{
		"plan":     "SHA-256 of the plan",
		"approval": "digest that is approved: it covers the plan and its evidence",
		"empty":    "true if a release would change nothing",
	})
	o.Add(cmd)
	cmd.Flags().StringVar(&o.Images, "images", filepath.Join(".slipway", "images.json"), "file of ci's stage images, under --root if it is relative")
	cmd.Flags().StringVar(&o.From, "from", "", "release whose images are promoted, such as staging#41")
	action.Name(cmd, "from")
	cmd.Flags().StringVar(&o.Record, "record", "", "copy of that release's record, where its cluster cannot be reached from here; in a workflow GitHub may carry it as a deployment")
	cmd.Flags().StringSliceVar(&o.Only, "only", nil, "services to release, instead of all")
	cmd.Flags().StringSliceVar(&o.Report, "report", nil, "report.json of ci, or several, whose checks and backup become evidence")
	cmd.Flags().StringVar(&o.Out, "out", filepath.Join(".slipway", "plan"), "folder for the plan")
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print the plan as JSON")
	return cmd
}

// Run makes the plan, writes it and shows it.
func Run(ctx context.Context, o Options, w io.Writer) error {
	e, err := o.Open(ctx)
	if err != nil {
		return err
	}
	wanted := environment.Wanted{Only: o.Only, By: release.HolderOf(os.Getenv).Name()}
	if err := o.images(ctx, e, &wanted); err != nil {
		return err
	}
	planning, err := e.Planning(ctx, wanted)
	if err != nil {
		return err
	}
	p, err := release.Plan(ctx, planning)
	if err != nil {
		return err
	}
	items, err := o.evidence()
	if err != nil {
		return err
	}
	shown, err := report.NewPlanned(p, items, time.Now())
	if err != nil {
		return err
	}
	if shown.Notes, err = release.Notes(ctx, planning, p); err != nil {
		return err
	}
	shown.Link = release.HolderOf(os.Getenv).Run
	if e.Gate() != nil {
		shown.Approval = "" // the preflight's findings come first, and change it
	}
	if err := shown.WriteTo(o.Out); err != nil {
		return err
	}
	var summary strings.Builder
	if err := shown.Markdown(&summary); err != nil {
		return err
	}
	action.Summary(summary.String())
	action.Output("plan", shown.Digest)
	action.Output("approval", shown.Approval)
	action.Output("empty", strconv.FormatBool(p.Empty()))
	if o.JSON {
		data, err := plan.Canonical(p)
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", data)
		}
		return err
	}
	return shown.Text(w)
}

// images are those of ci, or of the release that is promoted.
func (o *Options) images(ctx context.Context, e *environment.Environment, w *environment.Wanted) (err error) {
	if o.From == "" {
		file := o.Images
		if !filepath.IsAbs(file) {
			file = filepath.Join(o.Root, file)
		}
		w.Images, err = environment.ReadImages(file)
		return err
	}
	record, err := o.promoted(ctx, e)
	if err != nil {
		return err
	}
	w.From = fmt.Sprintf("%s #%d", record.Environment, record.Number)
	w.Images, err = release.Promoted(record)
	return err
}

// promoted finds the release to promote: in a file, as GitHub carries it in a
// workflow, or in its environment's ledger.
func (o *Options) promoted(ctx context.Context, e *environment.Environment) (*ledger.Record, error) {
	name, number, err := ledger.ParseName(o.From)
	if err != nil {
		return nil, &action.Error{Code: action.Usage, Err: err, Advice: "name a release as in --from staging#41"}
	}
	if file := filepath.Join(o.Out, environment.RecordFile); o.Record == "" {
		found, err := e.FetchRecord(ctx, name, fmt.Sprintf("%s #%d", name, number), file)
		if err != nil {
			return nil, err
		}
		if found {
			o.Record = file
		}
	}
	if o.Record == "" {
		other, err := environment.Flags{Root: o.Root, Env: name}.Open(ctx)
		if err != nil {
			return nil, err
		}
		record, err := other.Ledger.Release(ctx, number)
		if err == nil && record == nil {
			err = &action.Error{Code: action.Usage, Err: fmt.Errorf("there is no release %s", other.Ledger.Name(number)), Advice: "`slipway releases --env " + name + "` lists them"}
		}
		return record, err
	}
	record, err := ledger.ReadFile(o.Record)
	if err != nil {
		return nil, err
	}
	if record.Environment != name || record.Number != number {
		return nil, &action.Error{Code: action.Usage, Err: fmt.Errorf("%s is of %s #%d, not of %s", o.Record, record.Environment, record.Number, o.From), Advice: "give the record of the release that is named"}
	}
	if record.Platform != "" && record.Platform != e.Platform.Name {
		return nil, &action.Error{Code: action.Usage, Err: fmt.Errorf("%s is of platform %s, and this is %s", o.Record, record.Platform, e.Platform.Name), Advice: "give the record of this platform's release"}
	}
	return record, nil
}

func (o *Options) evidence() (items []plan.Item, err error) {
	for _, file := range o.Report {
		r, err := report.Read(file)
		if err != nil {
			return nil, &action.Error{Code: action.Usage, Err: err, Advice: "give the report.json of a run of ci"}
		}
		learnt, err := r.Evidence(o.Out)
		if err != nil {
			return nil, err
		}
		items = append(items, learnt...)
	}
	return items, nil
}
