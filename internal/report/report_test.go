package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var cases = map[string]Report{
	"empty": {},
	"passed": {
		Platform: "teei", Target: "sandbox", Commit: "67915f1c0ffee", Started: new(time.Date(2026, 11, 23, 3, 30, 0, 0, time.UTC)),
		Stages: []Stage{
			{Name: "test", Status: Passed, Seconds: 41.25, Log: ".slipway/test.log"},
			{Name: "e2e", Status: Passed, Seconds: 77, Log: ".slipway/e2e.log"},
			{Name: "dev", Status: Skipped, Note: "not asked for"},
		},
		Images:   []Image{{Service: "api-gateway", Digest: digest}, {Service: "migrate", Digest: digest}},
		Backup:   &Backup{Path: ".slipway/teei-20261123T033000Z-ab12.dump", SHA256: digest[7:], Tables: 17, Verified: true, Bytes: 3 << 20},
		Services: []Service{{Name: "api-gateway", Order: 1, Port: 3017, Image: "127.0.0.1:5000/teei/api-gateway@" + digest, Healthy: true, Seconds: 1.7, Outcome: "released"}, {Name: "corp-cockpit", Order: 11, Port: 4327, Image: "127.0.0.1:5000/teei/corp-cockpit@" + digest, Healthy: true, Seconds: 2.04, Outcome: "unchanged"}},
	},
	"failed": {
		Platform: "teei", Target: "production",
		Stages: []Stage{
			{Name: "typecheck", Status: Passed, Seconds: 9.5, Log: ".slipway/typecheck.log"},
			{Name: "deploy", Status: Failed, Seconds: 12.3, Log: ".slipway/deploy.log", Error: "roll out q2q-ai: container exited with code 1, twice", Hint: "its last log lines are in the log", Repeat: "dagger run go run ./ci deploy --env production"},
			{Name: "dev", Status: Cancelled, Seconds: 4000},
		},
		Services: []Service{
			{Name: "api-gateway", Order: 1, Port: 3017, Image: digest, Seconds: 2.1, Outcome: "restored"},
			{Name: "q2q-ai", Order: 4, Port: 3021, Image: digest, Seconds: 12.1, Outcome: "failed"},
			{Name: "corp-cockpit", Order: 11, Port: 4327, Image: digest, Outcome: "not reached"},
		},
		Runs: "runs #3; #4 failed and was rolled back",
	},
	"hostile": {
		Platform: "x|y\n::error::pwned",
		Stages: []Stage{
			{Name: "a|b`c", Status: Failed, Seconds: 1, Error: "<script>alert(1)</script> ![x](http://evil/?q) [l](javascript:x) @team #12 www.evil.com \x1b[31mred\n| new | row |", Hint: "**bold** _it_ ~~no~~ $x$", Log: "a`b|c.log", Repeat: "run 'a | b' && echo `id`"},
		},
		Images:   []Image{{Service: "</details>|", Digest: "`<b>`"}},
		Services: []Service{{Name: "\r\n|-|-|", Image: "a/b|c@sha256:zz", Order: -1, Outcome: "<b>|"}},
		Backup:   &Backup{Path: "we|ird`; <drop>", SHA256: "short"},
	},
}

func TestGolden(t *testing.T) {
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			var table, color, markdown bytes.Buffer
			if err := r.Table(&table, TableOptions{Width: 80}); err != nil {
				t.Fatal(err)
			}
			if err := r.Table(&color, TableOptions{Color: true}); err != nil {
				t.Fatal(err)
			}
			if err := r.Markdown(&markdown); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "deep", "report.json")
			if err := r.WriteJSON(path); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", table.Bytes())
			golden(t, name+".ansi", color.Bytes())
			golden(t, name+".md", markdown.Bytes())
			golden(t, name+".json", content)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// The shape others read: see report.json in the README.
func TestShape(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := cases["passed"].WriteJSON(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Stages   []map[string]any
		Images   []map[string]any
		Backup   map[string]any
		Services []map[string]any
	}
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		in   map[string]any
		keys string
	}{
		{got.Stages[0], "name status seconds log"}, {got.Images[0], "service digest"}, {got.Backup, "path sha256 tables verified"},
		{got.Services[0], "name order port image healthy seconds outcome"},
	} {
		for _, key := range strings.Fields(want.keys) {
			if _, ok := want.in[key]; !ok {
				t.Errorf("no %q in %v", key, want.in)
			}
		}
	}
	onlyFile(t, path)
}

func onlyFile(t *testing.T, path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestWriteJSONFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (Report{}).WriteJSON(filepath.Join(file, "report.json")); err == nil {
		t.Error("wrote below a file")
	}
}

func TestAppendMarkdownKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	if err := os.WriteFile(path, []byte("before\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cases["passed"].AppendMarkdown(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(content), "before\n\n### ") {
		t.Errorf("%q, %v", content, err)
	}
}

// tags are the ones this package writes itself.
var tags = regexp.MustCompile(`</?(?:details|summary|code)>|<!-- -->`)

// Whatever the texts hold, the document keeps its shape: as many lines, cells
// and tags as a harmless one.
func FuzzMarkdown(f *testing.F) {
	h := cases["hostile"]
	f.Add(h.Stages[0].Error, h.Backup.Path)
	f.Add("</code>", "\u2028|\u0085| a\\|b &lt;")
	render := func(s, u string) string {
		var b bytes.Buffer
		r := Report{
			Stages:   []Stage{{Name: s, Status: Failed, Error: "x" + u, Hint: "x" + s, Log: "x" + u, Repeat: "x" + s, Note: "x" + u}},
			Images:   []Image{{Service: u, Digest: "x" + s}},
			Backup:   &Backup{Path: "x" + s, SHA256: "x" + u},
			Services: []Service{{Name: s, Image: "x" + u}},
		}
		if err := r.Markdown(&b); err != nil {
			f.Fatal(err)
		}
		return b.String()
	}
	calm := render("a", "b")
	f.Fuzz(func(t *testing.T, s, u string) {
		got := render(s, u)
		for _, token := range []string{"\n", "|", "`", "*", "[", "](", "\x1b"} {
			if a, b := strings.Count(calm, token), strings.Count(got, token); a != b {
				t.Errorf("%d of %q, want %d:\n%s", b, token, a, got)
			}
		}
		if rest := tags.ReplaceAllString(got, ""); strings.ContainsAny(rest, "<>") {
			t.Errorf("HTML of others:\n%s", got)
		}
		if strings.Contains(got, "://") {
			t.Errorf("a link:\n%s", got)
		}
	})
}

// A table never lets a text out of its line, where a runner would read it as a
// command, nor colours where none were asked for.
func FuzzTable(f *testing.F) {
	f.Add("a\n::error::x", "\x1b[2J")
	f.Fuzz(func(t *testing.T, s, u string) {
		var b bytes.Buffer
		r := Report{Stages: []Stage{{Name: s, Status: Failed, Note: u, Error: u, Hint: s, Log: u}}, Services: []Service{{Name: u, Image: s}}, Backup: &Backup{Path: s, SHA256: u}}
		if err := r.Table(&b, TableOptions{Width: 40}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\r") || strings.Count(b.String(), "\n") > 16 {
			t.Errorf("%q", b.String())
		}
	})
}
