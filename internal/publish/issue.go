package publish

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/internal/watch"
)

// Label of the issues that the watch opens.
const Label = "slipway-breach"

// Breach makes one issue of a release show what the watch found: opened at the
// first breach, kept up to date, and closed once nothing is open any more. An
// issue that people closed stays closed unless something new is found.
func (p Place) Breach(ctx context.Context, r *ledger.Record) error {
	if r.Watch == nil {
		return nil
	}
	title := name(r) + " is not as it must be"
	issues, err := p.GitHub.Issues(ctx, Label, "all", time.Time{})
	if err != nil {
		return err
	}
	body, open := report.Breach(r)
	for _, i := range issues {
		if i.Title != title {
			continue
		}
		state := "closed"
		if open > 0 && (i.State == "open" || breaches(i.Body) != breaches(body)) {
			state = "open"
		}
		if i.State == state && strings.TrimSpace(strings.ReplaceAll(i.Body, "\r\n", "\n")) == strings.TrimSpace(body) {
			return nil
		}
		return p.GitHub.ChangeIssue(ctx, i.Number, body, state)
	}
	if open == 0 {
		return nil
	}
	_, err = p.GitHub.OpenIssue(ctx, title, body, Label)
	return err
}

// breaches is how many lines of findings a body has.
func breaches(body string) int { return strings.Count(body, "\n| ") }

// Feedback is what people reported in issues with a label since a time.
func (p Place) Feedback(ctx context.Context, since time.Time) ([]watch.Sight, error) {
	issues, err := p.GitHub.Issues(ctx, p.Rules.Feedback, "open", since)
	if err != nil {
		return nil, err
	}
	var sights []watch.Sight
	for _, i := range issues {
		if i.Created.After(since) {
			sights = append(sights, watch.Sight{Kind: watch.Feedback, Subject: fmt.Sprintf("#%d", i.Number), Text: i.User.Login + ": " + i.Title})
		}
	}
	return sights, nil
}
