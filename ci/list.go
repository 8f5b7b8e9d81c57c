package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/teei/slipway/internal/platform"
)

func reportFile(output string) string { return filepath.Join(output, "report.json") }

func stageList() string {
	var b strings.Builder
	for _, s := range allStages() {
		fmt.Fprintf(&b, "  %-10s %s\n", s.Name, s.Short)
	}
	return b.String()
}

// listed is a stage as `list --json` shows it.
type listed struct {
	Name    string   `json:"name"`
	Short   string   `json:"short"`
	Present bool     `json:"present"` // slipway.yaml gives it something to do
	Run     string   `json:"run,omitempty"`
	Needs   []string `json:"needs,omitempty"`
}

// list shows the stages, without an engine.
func (c *cli) list() error {
	p, _, err := c.load()
	if err != nil {
		return err
	}
	var stages []listed
	for _, s := range allStages() {
		stages = append(stages, describe(p, s))
	}
	if c.options.JSON {
		encoder := json.NewEncoder(c.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(map[string]any{"platform": p.Name, "stages": stages})
	}
	w := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', 0)
	for _, s := range stages {
		run := s.Run
		if !s.Present {
			run = "(nothing to do)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.Short, run)
	}
	return w.Flush()
}

func describe(p *platform.Platform, s stage) listed {
	l := listed{Name: s.Name, Short: s.Short, Present: true}
	switch {
	case isCheck(s.Name):
		check, ok := p.Checks[s.Name]
		l.Present, l.Run, l.Needs = ok, check.Run, check.Needs
	case s.Name == "backup":
		l.Present = p.Database != nil
	case s.Name == "migrate":
		if l.Present = p.Database != nil; l.Present {
			l.Run = p.Database.Migrate
		}
	case s.Name == "accept":
		l.Present = slices.ContainsFunc(sortedKeys(p.Environments), func(name string) bool { return p.Environments[name].Acceptance != nil })
	case s.Name == "deploy", s.Name == "plan":
		l.Present = hasManifests(p)
	}
	return l
}

func hasManifests(p *platform.Platform) bool {
	return p.Manifests.Kustomize != "" || len(p.Manifests.Files) > 0 || p.Manifests.Command != ""
}

func migrateAlone(stages []string) bool { return slices.Equal(stages, []string{"migrate"}) }

// plan says what a run would do. It needs no engine and asks nobody.
func (c *cli) plan(run *pipeline, stages []string, dir string) error {
	p, target := run.platform, run.report.Target
	var lines []string
	for _, name := range stages {
		for _, line := range would(p, target, describe(p, find(name))) {
			lines = append(lines, c.options.pasteable(line, dir))
		}
	}
	if c.options.JSON {
		return json.NewEncoder(c.stdout).Encode(map[string]any{"platform": p.Name, "target": target, "plan": lines})
	}
	fmt.Fprintf(c.stdout, "%s to %s would:\n", p.Name, target)
	for _, line := range lines {
		fmt.Fprintln(c.stdout, "  "+line)
	}
	return nil
}

// would are the lines of what one stage would do.
func would(p *platform.Platform, target string, l listed) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, l.Name+": "+fmt.Sprintf(format, args...)) }
	switch {
	case !l.Present:
		say("nothing to do")
	case isCheck(l.Name):
		say("%s%s", l.Run, withNeeds(l.Needs))
	case l.Name == "images":
		for _, s := range p.Ordered() {
			say("%s %s", s.Name, howMade(s))
		}
		if p.Database != nil && p.Database.Package != "" {
			say("migrate from the package %s", p.Database.Package)
		}
	case l.Name == "backup":
		say("dump, restore and compare the database of %s", target)
	case l.Name == "plan":
		say("compare %d services with what %s runs, and write down what a release would change, with its digest", len(p.Services), target)
	case l.Name == "migrate":
		say("%s (`ci migrate --dry-run` shows what is pending)", p.Database.Migrate)
	case l.Name == "deploy":
		for i, s := range p.Ordered() {
			say("%d. %s, healthy at port %d %s", i+1, s.Name, s.Port, s.Health)
		}
	case l.Name == "accept" && p.Environments[target].Acceptance != nil:
		say("%s", p.Environments[target].Acceptance.Run)
	case l.Name == "dev":
		for _, s := range p.Services {
			say("%s on port %d", s.Name, s.Port)
		}
	}
	return lines
}

func find(name string) stage {
	all := allStages()
	return all[slices.IndexFunc(all, func(s stage) bool { return s.Name == name })]
}

func withNeeds(needs []string) string {
	if len(needs) == 0 {
		return ""
	}
	return " (with its own " + strings.Join(needs, ", ") + ")"
}

func howMade(s platform.Service) string {
	switch {
	case s.Image.Reference != "":
		return "as " + s.Image.Reference
	case s.Image.Dockerfile != "":
		return "from " + filepath.Join(s.Path, s.Image.Dockerfile)
	}
	return "from the package in " + s.Path + " on " + s.Image.Base
}
