package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/teei/slipway/internal/rollout"
)

// TableOptions is how a table is shown on a terminal.
type TableOptions struct {
	Width int  // columns of the terminal; 0 for no limit
	Color bool // whether it understands colours
}

// Table writes the report for a person at a terminal.
func (r Report) Table(w io.Writer, o TableOptions) error {
	var b strings.Builder
	rows := [][]string{{"stage", "result", "seconds"}}
	for _, s := range r.Stages {
		rows = append(rows, []string{plain(s.Name), string(s.Status), fmt.Sprintf("%.1f", s.Seconds)})
	}
	notes := make([]string, len(rows))
	for i, s := range r.Stages {
		notes[i+1] = plain(s.Note)
	}
	writeGrid(&b, rows, notes, []bool{false, false, true}, 1, o)
	if len(r.Services) > 0 {
		b.WriteByte('\n')
		rows = [][]string{{"", "service", "port", "outcome", "seconds"}}
		notes = []string{"image"}
		for _, s := range r.Services {
			rows = append(rows, []string{fmt.Sprint(s.Order), plain(s.Name), fmt.Sprint(s.Port), plain(s.Outcome), fmt.Sprintf("%.1f", s.Seconds)})
			notes = append(notes, plain(ShortImage(s.Image)))
		}
		writeGrid(&b, rows, notes, []bool{true, false, true, false, true}, 3, o)
	}
	if len(r.Images) > 0 && len(r.Services) == 0 {
		b.WriteByte('\n')
		rows, notes = [][]string{{"image"}}, []string{"digest"}
		for _, i := range r.Images {
			rows, notes = append(rows, []string{plain(i.Service)}), append(notes, plain(ShortImage(i.Digest)))
		}
		writeGrid(&b, rows, notes, []bool{false}, -1, o)
	}
	if r.Backup != nil {
		fmt.Fprintf(&b, "\nbackup: %s\n", r.Backup.line(plain))
	}
	for _, s := range r.Failures() {
		fmt.Fprintf(&b, "\n%s: %s\n", paint("failed", Failed, o), plain(s.Name+detail(": ", messages(s.Error))))
		for _, line := range [][2]string{{"hint", s.Hint}, {"log", s.Log}, {"repeat", s.Repeat}} {
			if line[1] != "" {
				fmt.Fprintf(&b, "  %-7s %s\n", line[0], plain(line[1]))
			}
		}
	}
	if summary := r.summary(); summary != "" {
		fmt.Fprintf(&b, "\n%s\n", summary)
	}
	if r.Runs != "" {
		fmt.Fprintln(&b, plain(r.Target+" "+r.Runs))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeGrid aligns rows; the first one is the heading. What stands in notes
// comes last and takes the room that is left. The column state is painted.
func writeGrid(b *strings.Builder, rows [][]string, notes []string, right []bool, state int, o TableOptions) {
	widths := make([]int, len(right))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	used := 0
	for _, n := range widths {
		used += n + 2
	}
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			switch {
			case n > 0 && i == state:
				cell = paint(cell, Status(cell), o)
			case n == 0 && o.Color:
				cell = "\x1b[1m" + cell + "\x1b[0m"
			}
			if right[i] {
				cell = gap + cell
			} else {
				cell += gap
			}
			line.WriteString(cell + "  ")
		}
		note := notes[n]
		if o.Width > 0 {
			note = clip(note, max(o.Width-used, 1))
		}
		b.WriteString(strings.TrimRight(line.String()+note, " ") + "\n")
	}
}

func paint(s string, status Status, o TableOptions) string {
	color := map[Status]string{
		Passed: "32", Failed: "31", Cancelled: "33", Skipped: "2",
		Status(rollout.Released): "32", Status(rollout.Restored): "33", Status(rollout.Unchanged): "2", Status(rollout.NotReached): "2",
	}[status]
	if !o.Color || color == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func detail(separator, s string) string {
	if s == "" {
		return ""
	}
	return separator + s
}
