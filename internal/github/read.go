package github

import (
	"context"
	"strconv"
	"time"
)

// User is an account: a person, or a program.
type User struct {
	Login string `json:"login"`
	ID    int64  `json:"id"`
	Type  string `json:"type"` // User for a person
}

// Run is an attempt of a run of a workflow.
type Run struct {
	ID         int64      `json:"id"`
	Attempt    int        `json:"run_attempt"`
	SHA        string     `json:"head_sha"`
	Branch     string     `json:"head_branch"`
	Path       string     `json:"path"` // of the workflow's file; with @ref where it was called from another repository
	Event      string     `json:"event"`
	Actor      User       `json:"actor"`
	Triggering User       `json:"triggering_actor"`
	URL        string     `json:"html_url"`
	Repository repository `json:"repository"`
	// Head is the repository that the code is of: a fork, for a pull request from there.
	Head repository `json:"head_repository"`
}

type repository struct {
	FullName string `json:"full_name"`
}

// Review of environments by somebody.
type Review struct {
	State string `json:"state"` // approved, rejected or pending
	// At is when it was given, zero for a review of an environment: GitHub does not say.
	At time.Time `json:"-"`
	// URL of the comment that it is, "" for a review of an environment, which has none.
	URL          string `json:"-"`
	Comment      string `json:"comment"`
	User         User   `json:"user"`
	Environments []struct {
		ID int64 `json:"id"`
	} `json:"environments"`
}

// Of reports whether a review is of an environment.
func (r *Review) Of(e *Environment) bool {
	for _, reviewed := range r.Environments {
		if reviewed.ID == e.ID && e.ID != 0 {
			return true
		}
	}
	return false
}

// Environment with its protection.
type Environment struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	URL   string `json:"html_url"`
	Rules []Rule `json:"protection_rules"`
	// AdminsBypass is nil where GitHub does not say.
	AdminsBypass *bool `json:"can_admins_bypass"`
	// Policy is nil where every branch may deploy.
	Policy *struct {
		Protected bool `json:"protected_branches"`
		Custom    bool `json:"custom_branch_policies"`
	} `json:"deployment_branch_policy"`
}

// Rule that protects an environment.
type Rule struct {
	Type              string     `json:"type"`
	PreventSelfReview bool       `json:"prevent_self_review"`
	Reviewers         []Reviewer `json:"reviewers"`
}

// Reviewer is a user or a team.
type Reviewer struct {
	Type     string `json:"type"`
	Reviewer struct {
		Login string `json:"login"` // of a user
		Slug  string `json:"slug"`  // of a team
	} `json:"reviewer"`
}

// Check is a check run of a commit.
type Check struct {
	Name       string     `json:"name"`
	SHA        string     `json:"head_sha"`
	Status     string     `json:"status"`
	Conclusion string     `json:"conclusion"`
	Completed  *time.Time `json:"completed_at"`
	URL        string     `json:"html_url"`
	App        struct {
		Slug string `json:"slug"`
	} `json:"app"`
}

// Alert of code scanning.
type Alert struct {
	Number int    `json:"number"`
	URL    string `json:"html_url"`
	State  string `json:"state"`
	Rule   struct {
		ID       string `json:"id"`
		Severity string `json:"severity"`                // note, warning or error
		Security string `json:"security_severity_level"` // low, medium, high or critical
	} `json:"rule"`
	Instance struct {
		Location struct {
			Path string `json:"path"`
		} `json:"location"`
	} `json:"most_recent_instance"`
}

// Run returns the newest attempt of a run.
func (c *Client) Run(ctx context.Context, id int64) (*Run, error) {
	run, err := get[Run](ctx, c, c.repo("actions/runs/%s"), strconv.FormatInt(id, 10))
	return &run, explain("read run "+strconv.FormatInt(id, 10), err)
}

// Attempt returns one attempt of a run.
func (c *Client) Attempt(ctx context.Context, id int64, attempt int) (*Run, error) {
	run, err := get[Run](ctx, c, c.repo("actions/runs/%s/attempts/%s"), strconv.FormatInt(id, 10), strconv.Itoa(attempt))
	return &run, explain("read attempt "+strconv.Itoa(attempt)+" of run "+strconv.FormatInt(id, 10), err)
}

// Reviews are those of all attempts of a run.
func (c *Client) Reviews(ctx context.Context, id int64) ([]Review, error) {
	reviews, err := get[[]Review](ctx, c, c.repo("actions/runs/%s/approvals"), strconv.FormatInt(id, 10))
	return reviews, explain("read the approvals of run "+strconv.FormatInt(id, 10), err)
}

// Environment returns an environment with its protection.
func (c *Client) Environment(ctx context.Context, name string) (*Environment, error) {
	e, err := get[Environment](ctx, c, c.repo("environments/%s"), name)
	return &e, explain("read environment "+name, err)
}

// BranchPolicies are the names, or patterns, of the branches that may deploy to
// an environment with policies of its own.
func (c *Client) BranchPolicies(ctx context.Context, environment string) ([]string, error) {
	found, err := all(ctx, c, func(p page) []named { return p.Policies }, c.repo("environments/%s/deployment-branch-policies"), environment)
	var names []string
	for _, policy := range found {
		names = append(names, policy.Name)
	}
	return names, explain("read the branch policies of environment "+environment, err)
}

// AppRules are the Apps whose rules decide about jobs of an environment, as slugs.
func (c *Client) AppRules(ctx context.Context, environment string) (apps []string, err error) {
	type rules struct {
		Rules []struct {
			Enabled bool `json:"enabled"`
			App     struct {
				Slug string `json:"slug"`
			} `json:"app"`
		} `json:"custom_deployment_protection_rules"`
	}
	found, err := get[rules](ctx, c, c.repo("environments/%s/deployment_protection_rules"), environment)
	for _, r := range found.Rules {
		if r.Enabled {
			apps = append(apps, r.App.Slug)
		}
	}
	return apps, explain("read the rules of environment "+environment, err)
}

// Member reports whether a user is an active member of a team of the
// repository's organization.
func (c *Client) Member(ctx context.Context, team, user string) (bool, error) {
	m, err := get[struct {
		State string `json:"state"`
	}](ctx, c, "orgs/"+c.Owner+"/teams/%s/memberships/%s", team, user)
	if err = explain("read whether "+user+" is in team "+team, err); Missing(err) {
		return false, nil
	}
	return err == nil && m.State == "active", err
}

// Members are the logins of a team of the repository's organization.
func (c *Client) Members(ctx context.Context, team string) ([]string, error) {
	members, err := all(ctx, c, bare[User], "orgs/"+c.Owner+"/teams/%s/members", team)
	var logins []string
	for _, m := range members {
		logins = append(logins, m.Login)
	}
	return logins, explain("read who is in team "+team, err)
}

// Checks are the newest check runs of a commit.
func (c *Client) Checks(ctx context.Context, sha string) ([]Check, error) {
	checks, err := all(ctx, c, func(p page) []Check { return p.Checks }, c.repo("commits/%s/check-runs"), sha)
	return checks, explain("read the checks of "+short(sha), err)
}

// Alerts are the open ones of code scanning, on a ref such as refs/heads/main.
func (c *Client) Alerts(ctx context.Context, ref string) ([]Alert, error) {
	alerts, err := all(ctx, c, bare[Alert], c.repo("code-scanning/alerts?state=open&ref=%s"), ref)
	return alerts, explain("read the alerts of code scanning", err)
}

// page of a list, which GitHub gives in an object.
type page struct {
	Policies []named `json:"branch_policies"`
	Checks   []Check `json:"check_runs"`
}

// bare is for lists that GitHub gives in nothing.
func bare[T any](list []T) []T { return list }

type named struct {
	Name string `json:"name"`
}

func short(sha string) string { return sha[:min(12, len(sha))] }
