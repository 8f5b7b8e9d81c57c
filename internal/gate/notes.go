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

// notes are in the changelog, or in a draft of a release on GitHub.
func (c *Checklist) notes(ctx context.Context) []plan.Finding {
	switch {
	case c.Gate.Notes == "" && !c.Gate.NotesDraft:
		return nil
	case c.Gate.Notes == "":
		return []plan.Finding{c.draft(ctx)}
	}
	f := c.changelog()
	if f.Status == plan.Fail && c.Gate.NotesDraft {
		drafted := c.draft(ctx)
		if drafted.Status == plan.Fail {
			drafted.Text, drafted.Advice = f.Text+"; "+drafted.Text, f.Advice+", or "+drafted.Advice
		}
		f = drafted
	}
	return []plan.Finding{f}
}

// draft wants the draft of a release to say something. One that was published is
// of an earlier release, and one of another branch or commit is of another.
func (c *Checklist) draft(ctx context.Context) plan.Finding {
	advice := "draft a release of " + c.Gate.Branch + " on GitHub; only a token that may write contents sees drafts"
	drafts, err := c.GitHub.Drafts(ctx)
	if err != nil {
		return unknown(notesID, err)
	}
	for _, d := range drafts {
		if lines := written(d.Body); len(lines) > 0 && (d.Target == c.Gate.Branch || d.Target == c.Plan.Source) {
			f := pass(notesID, "the draft of release %s has %d lines", orNone(d.Title()), len(lines))
			f.Link = d.URL
			return f
		}
	}
	f := fail(notesID, advice, "no draft of a release of %s says anything", c.Gate.Branch)
	f.Link = c.GitHub.Page("releases")
	return f
}

const notesID = "notes"

// changelog wants its first section to say something that it did not say at the
// commit that runs there.
func (c *Checklist) changelog() plan.Finding {
	const id = notesID
	advice := "write what changes, for those who use it, into the first section of " + c.Gate.Notes
	data, err := os.ReadFile(filepath.Join(c.Platform.Root, c.Gate.Notes))
	if errors.Is(err, fs.ErrNotExist) {
		return fail(id, advice, "there is no %s", c.Gate.Notes)
	} else if err != nil {
		return unknown(id, err)
	}
	title, lines := firstSection(string(data))
	if len(lines) == 0 {
		return fail(id, advice, "the first section of %s, %s, is empty", c.Gate.Notes, orNone(title))
	}
	if c.Before == "" || c.Before == c.Plan.Source {
		f := pass(id, "%s: %s, %d lines", c.Gate.Notes, title, len(lines))
		f.Link = c.GitHub.Page("commit/" + c.Plan.Source)
		return f
	}
	compared, err := c.compared()
	if err != nil {
		return unknown(id, err)
	}
	new := added(compared.Files, c.Gate.Notes)
	fresh := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !new[line] })
	f := pass(id, "%s: %s, %d of %d lines written since %s", c.Gate.Notes, title, len(fresh), len(lines), short(c.Before))
	if len(fresh) == 0 {
		f = fail(id, advice, "nothing was written into the first section of %s, %s, since %s", c.Gate.Notes, title, short(c.Before))
	}
	f.Link = compared.URL
	return f
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
	_, after, found := strings.Cut("\n"+markdown, "\n## ")
	if !found {
		return "", nil
	}
	title, after, _ = strings.Cut(after, "\n")
	section, _, _ := strings.Cut("\n"+after, "\n## ")
	return strings.TrimSpace(title), written(section)
}

// written are the lines that say something: no headings and no comments.
func written(markdown string) (lines []string) {
	for _, line := range strings.Split(markdown, "\n") {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "<!--") {
			lines = append(lines, line)
		}
	}
	return lines
}
