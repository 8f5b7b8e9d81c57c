package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// However many attempts failed since, the way back is there.
func TestWhatIsForgotten(t *testing.T) {
	t.Parallel()
	zero := 0
	for name, tt := range map[string]struct {
		newestFirst string // r released, b back to an earlier one, f failed, u under way, x rolled back
		forgotten   []int  // numbers; the oldest is 1
	}{
		"the last ones are kept":           {"rrrrr", []int{2, 1}},
		"attempts that failed":             {"fffffrrr", []int{5, 4, 1}},
		"one that ended in the middle":     {"ffffu", []int{2}},
		"after a rollback":                 {"ffffbxrr", []int{5, 3}},
		"a rollback before the first":      {"ffffbx", []int{3, 1}},
		"nothing was ever released":        {"ffffff", []int{3, 2, 1}},
		"as many as are kept":              {"frr", nil},
		"the only one, and a present edit": {"ffffr", []int{2}},
	} {
		var records []*Record
		for i, c := range tt.newestFirst {
			r := &Record{Number: len(tt.newestFirst) - i, State: map[rune]State{'r': Released, 'b': Released, 'f': Failed, 'u': Running, 'x': RolledBack}[c]}
			if c == 'b' {
				r.RollbackTo = &zero
			}
			records = append(records, r)
		}
		var got []int
		for _, r := range forgettable(records, 3) {
			got = append(got, r.Number)
		}
		if !slices.Equal(got, tt.forgotten) {
			t.Errorf("%s: of %s %v are forgotten, want %v", name, tt.newestFirst, got, tt.forgotten)
		}
	}
}

func secretsOf(t *testing.T, l *Ledger) (names []string) {
	t.Helper()
	found, err := l.cluster.Metadata(t.Context(), kube.Secrets, l.Namespace, releaseLabel)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		names = append(names, s.Name[:len("release-000001")])
	}
	slices.Sort(names)
	return names
}

// A process that dies between writing how things were and noting where leaves
// Secrets that no record names; people delete records by hand.
func TestSecretsThatNobodyNames(t *testing.T) {
	t.Parallel()
	l := open(t)
	left := func(e *Entry, content string) {
		t.Helper()
		if _, err := e.keep(t.Context(), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	died := add(t, l)
	if err := died.Begin(t.Context(), "x", "before"); err != nil {
		t.Fatal(err)
	}
	left(died, "written, and not noted")
	gone, damaged, busy := add(t, l), add(t, l), add(t, l)
	for _, e := range []*Entry{gone, damaged, busy} {
		left(e, fmt.Sprint("of ", e.Record.Number))
	}
	if err := l.cluster.Delete(t.Context(), l.named("ConfigMap", recordName(2))); err != nil {
		t.Fatal(err)
	}
	edited, err := l.object(damaged.Record)
	if err != nil {
		t.Fatal(err)
	}
	edited.Object["data"] = map[string]any{recordKey: "{"}
	edited.SetResourceVersion(damaged.version)
	if _, err := l.cluster.Update(t.Context(), edited); err != nil {
		t.Fatal(err)
	}
	if err := died.Close(t.Context(), Failed, ""); err != nil {
		t.Fatal(err)
	}
	want := []string{"release-000001", "release-000003", "release-000004"}
	if got := secretsOf(t, l); !slices.Equal(got, want) {
		t.Errorf("left are %v, want %v: one that is noted, of a damaged record, and of a release under way", got, want)
	}
	var before string
	if r, err := l.Release(t.Context(), 1); err != nil || l.Before(t.Context(), r.Steps[0], &before) != nil || before != "before" {
		t.Errorf("what was noted is gone: %+v, %v", r, err)
	}
}

// The standing release and the one before it can be gone back to after more
// failed attempts than records are kept.
func TestTheWayBackIsKept(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.Keep = 2
	for i := range 7 {
		e := add(t, l)
		state := Failed
		if i < 3 {
			state = Released
		}
		if err := errors.Join(e.Begin(t.Context(), "x", fmt.Sprint(i)), e.End(t.Context(), "x", nil), e.Close(t.Context(), state, "")); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"release-000002", "release-000003", "release-000006", "release-000007"}
	if got := secretsOf(t, l); !slices.Equal(got, want) {
		t.Errorf("kept are %v, want %v", got, want)
	}
	present, err := l.Present(t.Context())
	var before string
	if err != nil || present == nil || present.Number != 3 || l.Before(t.Context(), present.Steps[0], &before) != nil || before != "2" {
		t.Errorf("the present release is %+v, %v; before it was %q", present, err, before)
	}
}

// What does not fit into an object of the cluster is compressed, and then
// shortened; a release does not fail of what it has to say.
func TestRecordsOfAnySize(t *testing.T) {
	t.Parallel()
	l := open(t)
	e := add(t, l)
	noise := func(n int) string { // that cannot be compressed
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			b.WriteString(digest([]byte(fmt.Sprint(i)))[:63] + "\n")
		}
		return b.String()
	}
	large := []struct {
		name string
		say  func() error
	}{
		{"many findings", func() error {
			w := &Watch{}
			for i := range 6000 {
				w.Findings = append(w.Findings, Finding{Number: i, Kind: "logs", Subject: "web", Text: strings.Repeat("the same line again; ", 20)})
			}
			_, err := l.Amend(t.Context(), 1, func(r *Record) error { r.Watch = w; return nil })
			return err
		}},
		{"a step's error", func() error {
			var err error
			if e, err = l.Take(t.Context(), 1, 0); err != nil {
				return err
			}
			return errors.Join(e.Begin(t.Context(), "web", nil), e.End(t.Context(), "web", errors.New("it exited: "+noise(3<<20)+"out of memory")))
		}},
	}
	for _, tt := range large {
		if err := tt.say(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		stored, err := kube.GetOne[corev1.ConfigMap](t.Context(), l.cluster, kube.ConfigMaps, l.Namespace, recordName(1))
		if err != nil || len(stored.BinaryData[packedKey]) == 0 || len(stored.Data) > 0 {
			t.Fatalf("%s: not packed: %v", tt.name, err)
		}
		r, damaged := parse(stored)
		if damaged != nil || len(r.Watch.Findings) != 6000 {
			t.Fatalf("%s: %v", tt.name, damaged)
		}
	}
	records, err := l.Releases(t.Context())
	if err != nil || len(records) != 1 {
		t.Fatal(err)
	}
	said := records[0].Steps[0].Error
	if !strings.HasPrefix(said, "it exited: ") || !strings.HasSuffix(said, "out of memory") || !strings.Contains(said, "bytes are left out") {
		t.Errorf("beginning and end are not kept: %q…%q", said[:20], said[len(said)-20:])
	}
	if !strings.HasSuffix(e.Record.Steps[0].Error, "out of memory") || len(e.Record.Steps[0].Error) < 3<<20 {
		t.Error("the copy of the run has lost something")
	}
	// Small again, people can read it.
	if _, err := l.Amend(t.Context(), 1, func(r *Record) error { r.Watch, r.Steps = nil, []Step{}; return nil }); err != nil {
		t.Fatal(err)
	}
	stored, err := kube.GetOne[corev1.ConfigMap](t.Context(), l.cluster, kube.ConfigMaps, l.Namespace, recordName(1))
	if err != nil || len(stored.BinaryData) > 0 || !strings.Contains(stored.Data[recordKey], `"number": 1`) {
		t.Errorf("%v, %v", stored.Data, err)
	}
}
