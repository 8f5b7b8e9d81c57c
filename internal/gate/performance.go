package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// performance wants a load test of the commit: as a check, or as numbers within
// their budget.
func (c *Checklist) performance(context.Context) []plan.Finding {
	const id = "performance"
	p := c.Gate.Performance
	if p == nil {
		return nil
	}
	if p.Check == "" {
		return []plan.Finding{c.measured(id, p)}
	}
	runs, err := c.runs()
	if err != nil {
		return []plan.Finding{unknown(id, err)}
	}
	return []plan.Finding{checked(c.GitHub, id, platform.RequiredCheck{Name: p.Check, App: p.App}, c.Plan.Source, runs)}
}

func (c *Checklist) measured(id string, p *platform.Performance) plan.Finding {
	advice := "run the load test for " + short(c.Plan.Source) + ", and write its numbers with the commit into " + p.Result
	data, err := os.ReadFile(filepath.Join(c.Platform.Root, p.Result))
	if err != nil {
		return fail(id, advice, "read its result: %v", err)
	}
	var result any
	if err := json.Unmarshal(data, &result); err != nil {
		return fail(id, advice, "%s is no JSON: %v", p.Result, err)
	}
	if of, _ := lookup(result, "commit").(string); of != c.Plan.Source || of == "" {
		return fail(id, advice, "%s is of commit %s", p.Result, orNone(short(of)))
	}
	var over, within []string
	for _, name := range slices.Sorted(maps.Keys(p.Budget)) {
		most := p.Budget[name]
		switch number, ok := lookup(result, name).(float64); {
		case !ok:
			return fail(id, advice, "%s has no number %s", p.Result, name)
		case number > most:
			over = append(over, fmt.Sprintf("%s is %g, more than %g", name, number, most))
		default:
			within = append(within, fmt.Sprintf("%s is %g of %g", name, number, most))
		}
	}
	if len(over) > 0 {
		return fail(id, "make it faster, or decide on another budget", "%s", strings.Join(over, ", "))
	}
	return pass(id, "%s", strings.Join(within, ", "))
}

// lookup follows dots into JSON; a name that has dots itself comes first.
func lookup(v any, path string) any {
	if path == "" {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		if found, ok := v[path]; ok {
			return found
		}
		for i, letter := range path {
			if letter == '.' {
				if inner, ok := v[path[:i]]; ok {
					return lookup(inner, path[i+1:])
				}
			}
		}
	case []any:
		first, rest, _ := strings.Cut(path, ".")
		if i, err := strconv.Atoi(first); err == nil && 0 <= i && i < len(v) {
			return lookup(v[i], rest)
		}
	}
	return nil
}
