// Package publish makes GitHub show what the ledger says: deployments with their
// statuses, and an issue where the watch found something. The ledger decides, so
// whatever GitHub missed while it was away is sent by whoever comes next.
package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
)

// Place is where releases are shown.
type Place struct {
	GitHub *github.Client
	// Rules of the environment that is shown.
	Rules *platform.GitHub
}

// payload ties a deployment to its release, and says who approved it on what.
type payload struct {
	Release   string            `json:"release"`
	Plan      string            `json:"plan,omitempty"`
	Approval  string            `json:"approval,omitempty"`
	Approvals []ledger.Approval `json:"approvals,omitempty"`
	Evidence  []ledger.Evidence `json:"evidence,omitempty"`
}

// newest is how many releases are looked at for what GitHub missed of them.
const newest = 5

// Deployments makes GitHub show the releases of an environment, the newest first,
// as the ledger has them: the newest few, and all that a rollback at their top
// took back. A release without a commit, such as a rollback, is nothing that
// GitHub could show.
func (p Place) Deployments(ctx context.Context, records []*ledger.Record) error {
	if len(records) == 0 {
		return nil
	}
	ids, err := p.ids(ctx)
	if err != nil {
		return err
	}
	top, live := records[0].Number, running(records)
	for _, r := range slices.Backward(records) { // as they happened
		if r.Source == "" || r.RollbackTo != nil || r.Number < min(live, top-newest+1) {
			continue
		}
		if err := p.deployment(ctx, r, ids[name(r)], live); err != nil {
			return err
		}
	}
	return nil
}

// ids of the deployments that GitHub has, by release.
func (p Place) ids(ctx context.Context) (map[string]int64, error) {
	known, err := p.GitHub.Deployments(ctx, p.Rules.Environment, github.ReleaseTask)
	ids := map[string]int64{}
	for _, d := range known { // the newest first
		var of payload
		if json.Unmarshal(d.Payload, &of) == nil && of.Release != "" && ids[of.Release] == 0 {
			ids[of.Release] = d.ID
		}
	}
	return ids, err
}

// State is what GitHub shows of a release, such as staging #41: success for as long
// as it runs there; "" where GitHub does not show it.
func (p Place) State(ctx context.Context, release string) (string, error) {
	ids, err := p.ids(ctx)
	if err != nil || ids[release] == 0 {
		return "", err
	}
	status, err := p.GitHub.Status(ctx, ids[release])
	if err != nil || status == nil {
		return "", err
	}
	return status.State, nil
}

// running is the number of the release that the environment is at, or the newest
// where it is at none.
func running(records []*ledger.Record) int {
	for _, r := range records {
		switch {
		case r.State == ledger.Released && r.RollbackTo != nil:
			return *r.RollbackTo
		case r.State == ledger.Released:
			return r.Number
		}
	}
	return records[0].Number
}

func name(r *ledger.Record) string { return fmt.Sprintf("%s #%d", r.Environment, r.Number) }

// deployment shows one release; id is 0 where GitHub does not have it. One that is
// over is not made any more, and is inactive: GitHub would say so by itself of some
// environments, and of the job's own deployment too.
func (p Place) deployment(ctx context.Context, r *ledger.Record, id int64, live int) error {
	want := p.status(r)
	if r.Number != live && r.State == ledger.Released {
		want.State = "inactive"
	}
	if id == 0 {
		if r.Number < live {
			return nil
		}
		body, err := json.Marshal(payload{Release: name(r), Plan: r.Plan, Approval: r.Approval, Approvals: r.Approvals, Evidence: r.Evidence})
		if err != nil {
			return err
		}
		id, err = p.GitHub.Deploy(ctx, github.Deployment{Ref: r.Source, Task: github.ReleaseTask, Environment: p.Rules.Environment, Description: name(r), Payload: body})
		if err != nil {
			return err
		}
	} else if now, err := p.GitHub.Status(ctx, id); err != nil {
		return err
	} else if now != nil && now.State == want.State && now.Description == want.Description {
		return nil
	}
	return p.GitHub.SetStatus(ctx, id, want)
}

// states of a deployment, by that of the release.
var states = map[ledger.State]string{
	ledger.Running: "in_progress", ledger.Released: "success", ledger.Failed: "failure", ledger.RolledBack: "inactive", ledger.Stuck: "error",
}

// mostDescription is what GitHub takes of a description.
const mostDescription = 140

func (p Place) status(r *ledger.Record) github.DeploymentStatus {
	s := github.DeploymentStatus{State: states[r.State], LogURL: r.By.Run, EnvironmentURL: p.Rules.URL}
	s.Description = string(r.State)
	if len(r.Approvals) > 0 {
		var by []string
		for _, a := range r.Approvals {
			by = append(by, a.By)
		}
		s.Description += "; approved by " + strings.Join(by, ", ") + " as " + r.Approval[:min(12, len(r.Approval))]
	}
	if r.Verdict != "" {
		s.Description += "; " + r.Verdict
	}
	if letters := []rune(s.Description); len(letters) > mostDescription {
		s.Description = string(letters[:mostDescription-1]) + "…"
	}
	return s
}
