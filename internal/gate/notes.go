package gate

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
)

// notes wants the first section of the changelog to say something that it did not
// say at the commit that runs there.
func (c *Checklist) notes(context.Context) []plan.Finding {
	const id = "notes"
	if c.Gate.Notes == "" {
		return nil
	}
	advice := "write what changes, for those who use it, into the first section of " + c.Gate.Notes
	data, err := os.ReadFile(filepath.Join(c.Platform.Root, c.Gate.Notes))
	if errors.Is(err, fs.ErrNotExist) {
		return []plan.Finding{fail(id, advice, "there is no %s", c.Gate.Notes)}
	} else if err != nil {
		return []plan.Finding{unknown(id, err)}
	}
	title, lines := firstSection(string(data))
	if len(lines) == 0 {
		return []plan.Finding{fail(id, advice, "the first section of %s, %s, is empty", c.Gate.Notes, orNone(title))}
	}
	if c.Before == "" || c.Before == c.Plan.Source {
		return []plan.Finding{pass(id, "%s: %s, %d lines", c.Gate.Notes, title, len(lines))}
	}
	compared, err := c.compared()
	if err != nil {
		return []plan.Finding{unknown(id, err)}
	}
	written := added(compared.Files, c.Gate.Notes)
	fresh := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !written[line] })
	f := pass(id, "%s: %s, %d of %d lines written since %s", c.Gate.Notes, title, len(fresh), len(lines), short(c.Before))
	if len(fresh) == 0 {
		f = fail(id, advice, "nothing was written into the first section of %s, %s, since %s", c.Gate.Notes, title, short(c.Before))
	}
	f.Link = compared.URL
	return []plan.Finding{f}
}

// added are the lines that a comparison adds to a file, which GitHub names from
// the root of the repository.
func added(files []github.File, name string) map[string]bool {
	lines := map[string]bool{}
	for _, f := range files {
		if f.Name != name && !strings.HasSuffix(f.Name, "/"+name) {
			continue
		}
		for line := range strings.Lines(f.Patch) {
			if strings.HasPrefix(line, "+") {
				lines[strings.TrimSpace(line[1:])] = true
			}
		}
	}
	return lines
}

// firstSection is the first heading of the second level, and the lines of text
// below it.
func firstSection(markdown string) (title string, lines []string) {
	for _, line := range strings.Split(markdown, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "## "):
			if title != "" {
				return title, lines
			}
			title = strings.TrimSpace(line[3:])
		case title != "" && line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "<!--"):
			lines = append(lines, line)
		}
	}
	return title, lines
}
