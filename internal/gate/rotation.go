package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// Kept is what is known of the values of variables by their keyed hashes: those
// that would be released, and those of the last release.
type Kept struct {
	Now, Last map[string]ledger.Variable
}

// rotates reports whether any variable has to be exchanged now and then.
func rotates(variables []platform.Variable) bool {
	return slices.ContainsFunc(variables, func(v platform.Variable) bool { return v.RotateEvery.Duration > 0 })
}

// rotation wants values that are exchanged often enough, and those to be others
// of which the dispatch says so.
func (c *Checklist) rotation(context.Context) []plan.Finding {
	const id = "rotation"
	var wrong, right []string
	asked := len(c.ExpectChanged) > 0
	for _, v := range c.Platform.Variables {
		most := v.RotateEvery.Duration
		if most == 0 {
			continue
		}
		asked = true
		since := c.Kept.Now[v.Name].Since
		if since.IsZero() {
			continue // it has no value, which is another finding
		}
		if age := c.Now.Sub(since); age > most {
			wrong = append(wrong, fmt.Sprintf("%s is %s old, more than %s", v.Name, days(age), days(most)))
		} else {
			right = append(right, fmt.Sprintf("%s is %s old", v.Name, days(age)))
		}
	}
	for _, name := range c.ExpectChanged {
		now, last := c.Kept.Now[name], c.Kept.Last[name]
		switch {
		case now.Hash == "":
			wrong = append(wrong, name+" has no value")
		case last.Hash == "":
			wrong = append(wrong, "of "+name+" the last release kept no hash, so nobody knows whether it changed")
		case now.Hash == last.Hash:
			wrong = append(wrong, fmt.Sprintf("%s is what it was at the last release, since %s", name, last.Since.UTC().Format(time.DateOnly)))
		default:
			right = append(right, name+" is another one")
		}
	}
	switch {
	case !asked:
		return nil
	case len(wrong) > 0:
		slices.Sort(wrong)
		return []plan.Finding{fail(id, "make a new value, give it to the environment's secrets, and withdraw the old one once this is released", "%s", strings.Join(wrong, ", "))}
	}
	return []plan.Finding{pass(id, "%s", orNone(strings.Join(right, ", ")))}
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}
