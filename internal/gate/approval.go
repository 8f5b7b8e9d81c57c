package gate

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// leastDigits of the approval digest that a comment has to hold.
const leastDigits = 12

// verdict on one group.
type verdict struct {
	findings  []plan.Finding
	approvals []ledger.Approval
}

// approved looks whether enough people of a group have approved this digest,
// through an environment that is protected well enough for it to mean something.
func (q *Question) approved(ctx context.Context, g platform.Approval, digest string, reviews []github.Review, starters map[string]string) (v verdict) {
	id := "approval/" + g.Name
	var e *github.Environment
	if !q.Gate.Comments {
		var err error
		if e, err = q.GitHub.Environment(ctx, g.Environment); err != nil {
			v.findings = append(v.findings, unprotected(g, err))
			return v
		}
		if v.findings = q.protected(ctx, g, e); len(v.findings) > 0 {
			return v
		}
	}
	var reasons []string
	var link string
	seen := map[string]bool{}
	for _, r := range reviews {
		if e != nil && !r.Of(e) {
			continue
		}
		login := strings.ToLower(r.User.Login)
		// Anybody may write a comment, and only who belongs to the group decides by it.
		if strings.EqualFold(r.State, "rejected") && (e != nil || q.mayReject(ctx, g, r.User.Login)) {
			v.findings = append(v.findings, fail(id, "talk to them, then start the workflow anew", "%s rejected it: %s", r.User.Login, orNone(r.Comment)))
			return v
		}
		if why := q.counts(ctx, g, r, digest, starters); why != "" {
			reasons = append(reasons, r.User.Login+" "+why)
		} else if !seen[login] {
			seen[login], link = true, cmp.Or(link, r.URL)
			v.approvals = append(v.approvals, ledger.Approval{
				Group: g.Name, By: r.User.Login, Environment: g.Environment, Run: q.name(&github.Run{ID: q.Run, Attempt: q.Attempt}), Digest: digest, Comment: r.Comment, Seen: q.seen(r),
			})
		}
	}
	if len(v.approvals) < g.Least {
		text := fmt.Sprintf("%d of %d approved it", len(v.approvals), g.Least)
		if len(reasons) > 0 {
			text += "; " + strings.Join(reasons, ", ")
		}
		v.findings, v.approvals = append(v.findings, fail(id, q.howToApprove(g, digest), "%s", text)), nil
		return v
	}
	f := pass(id, "approved by %s", strings.Join(people(v.approvals), ", "))
	if f.Link = link; e != nil {
		f.Link = e.URL
	}
	v.findings = append(v.findings, f)
	return v
}

// seen is when an approval was given, or else when we saw it.
func (q *Question) seen(r github.Review) time.Time {
	if r.At.IsZero() {
		return q.Now
	}
	return r.At
}

func people(approvals []ledger.Approval) (names []string) {
	for _, a := range approvals {
		names = append(names, a.By)
	}
	return names
}

func (q *Question) howToApprove(g platform.Approval, digest string) string {
	who := slices.Concat(g.Users, prefixed("team ", g.Teams))
	if q.Gate.Comments {
		return fmt.Sprintf("%s of %s comments `/approve %s` on the issue %q", orNone(strings.Join(who, " or ")), g.Name, short(digest), q.Title())
	}
	text := fmt.Sprintf("%s of %s approves environment %s of the run", orNone(strings.Join(who, " or ")), g.Name, g.Environment)
	if q.strict() {
		text += ", with " + short(digest) + " in the comment"
	}
	return text
}

func prefixed(prefix string, names []string) (out []string) {
	for _, n := range names {
		out = append(out, prefix+n)
	}
	return out
}

// counts says why a review does not count, "" if it does.
func (q *Question) counts(ctx context.Context, g platform.Approval, r github.Review, digest string, starters map[string]string) string {
	switch login := strings.ToLower(r.User.Login); {
	case !strings.EqualFold(r.State, "approved"):
		return "has not approved (" + orNone(r.State) + ")"
	case r.User.Type != "User":
		return "is no person but a " + orNone(r.User.Type)
	case starters[login] != "":
		return starters[login] + ", and nobody approves their own"
	case q.strict() && !holds(r.Comment, digest):
		return "did not name the digest that is to be released, " + short(digest)
	case !q.strict() && q.Attempt > 1:
		return "approved some attempt of this run, and GitHub does not say which"
	}
	if member, err := q.belongs(ctx, g, r.User.Login); err != nil {
		return "may be in " + g.Name + ": " + err.Error()
	} else if !member {
		return "does not belong to " + g.Name
	}
	return ""
}

// mayReject takes whoever may be of a group for one of it: a rejection that
// nobody can tell from a stranger's closes the gate too.
func (q *Question) mayReject(ctx context.Context, g platform.Approval, login string) bool {
	member, err := q.belongs(ctx, g, login)
	return member || err != nil
}

// belongs reports whether somebody belongs to a group.
func (q *Question) belongs(ctx context.Context, g platform.Approval, login string) (bool, error) {
	if slices.ContainsFunc(g.Users, func(user string) bool { return strings.EqualFold(user, login) }) {
		return true, nil
	}
	for _, team := range g.Teams {
		// Now, and not when it was approved: who has left the team does not count.
		if member, err := q.GitHub.Member(ctx, team, login); member || err != nil {
			return member, err
		}
	}
	return false, nil
}

var hexadecimal = regexp.MustCompile(`\b[0-9a-fA-F]+\b`)

// holds reports whether a comment has the digest, or enough of its first digits.
func holds(comment, digest string) bool {
	for _, word := range hexadecimal.FindAllString(comment, -1) {
		if len(word) >= leastDigits && strings.HasPrefix(digest, strings.ToLower(word)) {
			return true
		}
	}
	return false
}

// unprotected is an environment that could not be read.
func unprotected(g platform.Approval, err error) plan.Finding {
	f := unknown("environment/"+g.Environment, err)
	if github.Missing(err) {
		f.Advice = "make it, with reviewers, before any workflow names it: GitHub makes one that it does not know without any protection"
	}
	return f
}

// protected says in what an environment is not protected well enough.
func (q *Question) protected(ctx context.Context, g platform.Approval, e *github.Environment) (out []plan.Finding) {
	id := "environment/" + g.Environment
	settings := fmt.Sprintf("see Settings, Environments, %s of %s/%s", g.Environment, q.GitHub.Owner, q.GitHub.Name)
	if !strings.EqualFold(e.Name, g.Environment) {
		return []plan.Finding{fail(id, settings, "GitHub answered for environment %q", e.Name)}
	}
	rule := slices.IndexFunc(e.Rules, func(r github.Rule) bool { return r.Type == "required_reviewers" })
	switch {
	case rule < 0 || len(e.Rules[rule].Reviewers) == 0:
		out = append(out, fail(id, settings+"; private repositories have required reviewers on GitHub Enterprise only, elsewhere approve by comments: gate.comments: true in "+platform.File, "it has no required reviewers"))
	case !e.Rules[rule].PreventSelfReview:
		out = append(out, fail(id, settings, "it lets people approve what they started themselves"))
	}
	if e.AdminsBypass == nil || *e.AdminsBypass {
		out = append(out, fail(id, settings, "administrators may bypass its rules"))
	}
	return append(out, q.branches(ctx, g, e, id, settings)...)
}

// branches wants the environment to be deployed to from the gate's branch alone.
func (q *Question) branches(ctx context.Context, g platform.Approval, e *github.Environment, id, settings string) []plan.Finding {
	switch {
	case e.Policy == nil || e.Policy.Protected == e.Policy.Custom:
		return []plan.Finding{fail(id, settings, "it can be deployed to from every branch")}
	case e.Policy.Protected:
		protected, err := q.GitHub.Protected(ctx, q.Gate.Branch)
		if err != nil {
			return []plan.Finding{unknown(id, err)}
		}
		if !protected {
			return []plan.Finding{fail(id, "protect "+q.Gate.Branch, "it takes protected branches, and %s is not protected; where none is, GitHub takes all", q.Gate.Branch)}
		}
	default:
		names, err := q.GitHub.BranchPolicies(ctx, g.Environment)
		if err != nil {
			return []plan.Finding{unknown(id, err)}
		}
		if len(names) != 1 || names[0] != q.Gate.Branch {
			return []plan.Finding{fail(id, settings, "it can be deployed to from %s, not from %s alone", orNone(strings.Join(names, ", ")), q.Gate.Branch)}
		}
	}
	return nil
}
