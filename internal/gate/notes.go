package gate

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/teei/slipway/internal/plan"
)

// notes wants the first section of the changelog to say something.
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
	if lines == 0 {
		return []plan.Finding{fail(id, advice, "the first section of %s, %s, is empty", c.Gate.Notes, orNone(title))}
	}
	return []plan.Finding{pass(id, "%s: %s, %d lines", c.Gate.Notes, title, lines)}
}

// firstSection is the first heading of the second level, and how many lines of
// text stand below it.
func firstSection(markdown string) (title string, lines int) {
	for _, line := range strings.Split(markdown, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "## "):
			if title != "" {
				return title, lines
			}
			title = strings.TrimSpace(line[3:])
		case title != "" && line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "<!--"):
			lines++
		}
	}
	return title, lines
}
