package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

// Way is a rollback as it is shown before anything happens.
type Way struct {
	*release.Way
	Database string // the backup that the data go back to, "" where they stay
}

// Table writes what would change for a person at a terminal, or into a log.
func (w Way) Table(out io.Writer) error {
	var b strings.Builder
	b.WriteString(w.headline() + "\n")
	if w.To == 0 && !w.Uninstalls {
		b.WriteString("what ran before slipway came goes back to how it was then\n")
	}
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, u := range w.Objects {
		fmt.Fprintf(t, "  %s\t%s\t%s\n", u.Action, plain(u.ID), plain(w.detail(u)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(w.Objects) == 0 {
		b.WriteString("  no object changes\n")
	}
	for _, line := range w.data() {
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// headline is what happens, in a sentence.
func (w Way) headline() string {
	releases := make([]string, len(w.TakenBack))
	for i, n := range w.TakenBack {
		releases[i] = fmt.Sprintf("#%d", n)
	}
	taken := strings.Join(releases, ", ")
	to := fmt.Sprintf("to #%d", w.To)
	if w.To == 0 {
		to = "to before its first release"
	}
	switch {
	case w.Continues:
		return fmt.Sprintf("%s: %s ended in the middle; taking it back leads %s", plain(w.Environment), taken, to)
	case w.Uninstalls:
		return fmt.Sprintf("%s is uninstalled (%s): nothing of it runs afterwards", plain(w.Environment), taken)
	}
	return fmt.Sprintf("%s goes back %s; taken back: %s", plain(w.Environment), to, taken)
}

// detail is what becomes of one object.
func (w Way) detail(u rollout.UndoPreview) string {
	switch {
	case u.Problem != "":
		return "it cannot be read: " + clip(u.Problem, 200)
	case u.Action == rollout.Keep:
		return "it may hold data, or is marked to be kept"
	case u.Claims:
		return "and its volume claims with it, as its persistentVolumeClaimRetentionPolicy says"
	case u.Action == rollout.Delete && strings.HasPrefix(u.ID, "StatefulSet/"):
		return "its volume claims stay"
	case u.Action == rollout.Delete || slices.Equal(u.Now, u.Then):
		return ""
	}
	return shortImages(u.Now) + " → " + shortImages(u.Then)
}

func shortImages(images []string) string {
	if len(images) == 0 {
		return "nothing"
	}
	short := make([]string, len(images))
	for i, image := range images {
		short[i] = ShortImage(image)
	}
	return strings.Join(short, ", ")
}

// data says what becomes of the database and of what is kept.
func (w Way) data() (lines []string) {
	switch {
	case w.Database != "":
		lines = append(lines, "the database goes back to "+plain(w.Database)+"; what was written since is lost")
	case len(w.Migrations) > 0:
		lines = append(lines, fmt.Sprintf("the data stay, and these migrations stay applied: %s", plain(strings.Join(w.Migrations, ", "))))
	}
	if w.Uninstalls {
		lines = append(lines, "the records of its releases stay, in namespace "+plain(w.Ledger))
	}
	return lines
}
