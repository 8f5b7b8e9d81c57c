package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// RefusedError says why a plan is not what may be released now.
type RefusedError struct {
	Plan    string // its digest
	Reasons []string
}

func (e *RefusedError) Error() string {
	if len(e.Reasons) == 1 {
		return fmt.Sprintf("plan %s is refused: %s", short(e.Plan), e.Reasons[0])
	}
	return fmt.Sprintf("plan %s is refused for %d reasons:\n  - %s", short(e.Plan), len(e.Reasons), strings.Join(e.Reasons, "\n  - "))
}

// Usage marks that nothing was begun.
func (e *RefusedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *RefusedError) Hint() string {
	return "make a new plan with `slipway plan` and have it approved; nothing was changed"
}

// Approved checks that the digest is that of the plan with its evidence, that
// they belong together, and that they are not too old. What differs in the
// environment is for Same to say.
func Approved(p *Plan, e *Evidence, digest string, now time.Time) error {
	own, err := p.Digest()
	if err != nil {
		return err
	}
	var reasons []string
	if e.Plan != own {
		reasons = append(reasons, "the evidence is for plan "+short(e.Plan))
	}
	approval, err := Approval(p, e)
	if err != nil {
		return err
	}
	if digest != approval {
		reasons = append(reasons, fmt.Sprintf("what was approved is %s, this plan with its evidence is %s", short(digest), short(approval)))
	}
	if e.Expires.Sub(e.Made) > Lifetime {
		reasons = append(reasons, "its evidence claims to last longer than "+Lifetime.String())
	}
	switch {
	case now.After(e.Expires):
		reasons = append(reasons, fmt.Sprintf("it expired at %s, %s ago", e.Expires.Format(time.RFC3339), now.Sub(e.Expires).Round(time.Minute)))
	case e.Made.After(now.Add(clockSkew)):
		reasons = append(reasons, "it was made in the future, at "+e.Made.Format(time.RFC3339)+": compare the clocks")
	}
	for _, item := range e.Items {
		if age := now.Sub(item.At); age > Lifetime {
			reasons = append(reasons, fmt.Sprintf("%s %s is %s old, more than %s", item.Kind, item.Name, age.Round(time.Minute), Lifetime))
		}
		if !item.Passed {
			reasons = append(reasons, fmt.Sprintf("%s %s did not pass", item.Kind, item.Name))
		}
	}
	if len(reasons) > 0 {
		return &RefusedError{Plan: own, Reasons: reasons}
	}
	return nil
}

// clockSkew is how far the clocks of two machines may be apart.
const clockSkew = 5 * time.Minute

// Same refuses a plan that, made anew, is not the same, and names what differs.
func Same(approved, now *Plan) error {
	present := *approved // what was missing and has been made since is as people wanted it
	present.Missing = slices.DeleteFunc(slices.Clone(approved.Missing), func(m Missing) bool {
		return !slices.ContainsFunc(now.Missing, func(n Missing) bool { return n.String() == m.String() })
	})
	if len(present.Missing) == 0 {
		present.Missing = nil
	}
	if len(present.Missing) != len(approved.Missing) {
		original, err := approved.Digest()
		if err != nil {
			return err
		}
		if err := Same(&present, now); err != nil {
			if refused := new(RefusedError); errors.As(err, &refused) {
				refused.Plan = original
				return refused
			}
			return err
		}
		return nil
	}
	digest, err := approved.Digest()
	if err != nil {
		return err
	}
	again, err := now.Digest()
	if err != nil {
		return err
	}
	if digest == again {
		return nil
	}
	reasons := differences(approved, now)
	if len(reasons) == 0 {
		return errors.New("compare two plans: their digests differ and no difference was found")
	}
	return &RefusedError{Plan: digest, Reasons: reasons}
}

func short(digest string) string {
	if len(digest) > 12 {
		return digest[:12]
	}
	if digest == "" {
		return "nothing"
	}
	return digest
}
