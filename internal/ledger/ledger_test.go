package ledger

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/quick"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
)

// open makes a ledger of an environment that only this test has.
func open(t *testing.T) *Ledger {
	t.Helper()
	cluster := kubetest.Cluster(t)
	l, err := Open(cluster, platform.Owner{Platform: "shop", Environment: "test-" + strings.ToLower(rand.Text()[:10])})
	if err == nil {
		err = l.found(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		obj := &kube.Object{}
		obj.SetAPIVersion("v1")
		obj.SetKind("Namespace")
		obj.SetName(l.Namespace)
		if err := cluster.Delete(kubetest.Context(t), obj); err != nil {
			t.Error(err)
		}
	})
	return l
}

func add(t *testing.T, l *Ledger) *Entry {
	t.Helper()
	e, err := l.Add(t.Context(), Record{By: Holder{Person: "mara"}, Plan: "sha256:1"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestRecordOfARelease(t *testing.T) {
	t.Parallel()
	l, folder := open(t), t.TempDir()
	l.Copy = func(r *Record) {
		if err := r.WriteTo(folder); err != nil {
			t.Error(err)
		}
	}
	first := add(t, l)
	before := make([]byte, 2<<20) // more than one object may hold
	if _, err := rand.Read(before); err != nil {
		t.Fatal(err)
	}
	if err := first.Begin(t.Context(), "api-gateway", before); err != nil {
		t.Fatal(err)
	}
	// What another process finds while the step is under way.
	found, err := l.Unfinished(t.Context())
	if err != nil || found == nil || found.Number != 1 || found.State != Running || len(found.Steps) != 1 || found.Steps[0].Ended != nil {
		t.Fatalf("in the middle: %+v %v", found, err)
	}
	if len(found.Steps[0].Before) < 3 {
		t.Errorf("2 MiB of noise are in %d chunks", len(found.Steps[0].Before))
	}
	var read []byte
	if err := l.Before(t.Context(), found.Steps[0], &read); err != nil || !bytes.Equal(read, before) {
		t.Errorf("what was before is not what was written: %v", err)
	}
	if err := first.End(t.Context(), "api-gateway", errors.New("exited with code 3")); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(t.Context(), Failed, "as before"); err != nil {
		t.Fatal(err)
	}
	second := add(t, l)
	if second.Record.Number != 2 {
		t.Errorf("the second release is number %d", second.Record.Number)
	}
	all, err := l.Releases(t.Context())
	if err != nil || len(all) != 2 || all[0].Number != 2 || all[1].State != Failed || all[1].Steps[0].Error != "exited with code 3" {
		t.Errorf("%+v %v", all, err)
	}
	// The copy of the run's folder is the record.
	data, err := os.ReadFile(filepath.Join(folder, "release-000001.json"))
	var copied Record
	if err == nil {
		err = json.Unmarshal(data, &copied)
	}
	if err != nil || copied.State != Failed || copied.Verdict != "as before" {
		t.Errorf("%+v %v", copied, err)
	}
}

func TestOnlyOneProcessWritesARecord(t *testing.T) {
	t.Parallel()
	l := open(t)
	old := add(t, l)
	taken, err := l.Take(t.Context(), 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Begin(t.Context(), "q2q-ai", nil); !errors.As(err, new(*LostError)) {
		t.Errorf("the process that was replaced still writes: %v", err)
	}
	if err := taken.Begin(t.Context(), "q2q-ai", nil); err != nil {
		t.Error(err)
	}
	if _, err := l.Take(t.Context(), 1, 1); !errors.As(err, new(*LostError)) {
		t.Errorf("an earlier run takes a release from a later one: %v", err)
	}
}

func TestHistoryIsKeptAndPruned(t *testing.T) {
	t.Parallel()
	l := open(t)
	l.Keep = 2
	unfinished := add(t, l)
	for range 4 {
		e := add(t, l)
		if err := errors.Join(e.Begin(t.Context(), "x", "before"), e.End(t.Context(), "x", nil), e.Close(t.Context(), Released, "")); err != nil {
			t.Fatal(err)
		}
	}
	all, err := l.Releases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	for _, r := range all {
		numbers = append(numbers, r.Number)
	}
	if len(numbers) != 3 || numbers[0] != 5 || numbers[1] != 4 || numbers[2] != unfinished.Record.Number {
		t.Errorf("kept %v, want the last two and the unfinished one", numbers)
	}
	secrets, err := kube.List[corev1.Secret](t.Context(), l.cluster, kube.Secrets, l.Namespace, releaseLabel, "")
	if err != nil || len(secrets) != 2 {
		t.Errorf("%d Secrets are left of two releases: %v", len(secrets), err)
	}
}

func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	l := open(t)
	for range 2 {
		e := add(t, l)
		if err := errors.Join(e.Begin(t.Context(), "x", "before"), e.Close(t.Context(), Released, "")); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := l.cluster.Read(t.Context(), l.named("ConfigMap", recordName(2)))
	if err != nil {
		t.Fatal(err)
	}
	stored.Object["data"] = map[string]any{recordKey: `{"number":2,"state":"relea`}
	if _, err := l.cluster.Update(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	all, err := l.Releases(t.Context())
	var damaged *DamagedError
	if !errors.As(err, &damaged) || damaged.Object != "ConfigMap/"+l.Namespace+"/release-000002" || damaged.Hint() == "" {
		t.Errorf("the damaged record is not named: %v", err)
	}
	if len(all) != 1 || all[0].Number != 1 {
		t.Errorf("the others cannot be read: %+v", all)
	}
	var unknown *UnknownEndError
	if _, err := l.Unfinished(t.Context()); !errors.As(err, &unknown) || unknown.Release != l.Environment+" #2" {
		t.Errorf("nobody knows how the newest ended: %v", err)
	}
	next := add(t, l)
	if next.Record.Number != 3 {
		t.Errorf("the next release is number %d, want 3: the damaged one is not overwritten", next.Record.Number)
	}
	if _, err := l.Unfinished(t.Context()); !errors.As(err, &unknown) {
		t.Errorf("nor is it known while another one runs: %v", err)
	}
	if err := next.Close(t.Context(), Released, ""); err != nil {
		t.Fatal(err)
	}
	if left, err := l.Unfinished(t.Context()); err != nil || left != nil {
		t.Errorf("one that is older than the newest: %+v, %v", left, err)
	}
	if err := l.cluster.Delete(t.Context(), l.named("Secret", all[0].Steps[0].Before[0].Secret)); err != nil {
		t.Fatal(err)
	}
	var into string
	if err := l.Before(t.Context(), all[0].Steps[0], &into); !errors.As(err, &damaged) || !strings.Contains(err.Error(), "it is gone") {
		t.Errorf("a lost chunk: %v", err)
	}
}

func TestEnvironmentNames(t *testing.T) {
	for name, ok := range map[string]bool{"production": true, "eu-1": true, "": false, "-x": false, "Prod": false, "a/b": false, strings.Repeat("a", 48): false, "prod\nx": false, "рrod": false} {
		if environmentName.MatchString(name) != ok {
			t.Errorf("%q: %t", name, !ok)
		}
	}
}

func TestSplitAndJoin(t *testing.T) {
	same := func(data []byte, repeat uint16) bool {
		data = bytes.Repeat(data, int(repeat%4096))
		parts, err := split(data)
		if err != nil {
			return false
		}
		for _, part := range parts {
			if len(part) > chunkSize {
				return false
			}
		}
		back, err := join(parts)
		return err == nil && bytes.Equal(back, data)
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"number":1,"state":"running","by":{},"started":"2026-01-02T03:04:05Z","fence":1,"steps":[],"environment":"x"}`)
	f.Add(`{"number":-1}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, text string) {
		record, err := parse(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "release-000001"}, Data: map[string]string{recordKey: text}})
		if (record == nil) == (err == nil) {
			t.Errorf("%+v %v", record, err)
		}
		if err == nil && record.Number != 1 {
			t.Errorf("a record of another release passes: %+v", record)
		}
	})
}

func FuzzJoin(f *testing.F) {
	parts, _ := split([]byte("before"))
	f.Add(parts[0])
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = join([][]byte{data}) })
}

// TestKeptTogether: how things are before several steps is one Secret, of which
// each step has its part; what has changed since is kept by itself.
func TestKeptTogether(t *testing.T) {
	t.Parallel()
	l := open(t)
	e := add(t, l)
	if err := e.Keep(t.Context(), map[string]any{"one": "<1>", "two": "2", "three": "3"}); err != nil {
		t.Fatal(err)
	}
	for name, before := range map[string]string{"one": "<1>", "two": "other"} {
		if err := e.Begin(t.Context(), name, before); err != nil {
			t.Fatal(err)
		}
		e.Ended(name, nil)
	}
	if err := e.Close(t.Context(), Released, "it runs"); err != nil {
		t.Fatal(err)
	}
	found, err := l.Release(t.Context(), e.Record.Number)
	if err != nil || len(found.Steps) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, step := range found.Steps {
		var read string
		want := map[string]string{"one": "<1>", "two": "other"}[step.Name]
		if err := l.Before(t.Context(), step, &read); err != nil || read != want || step.Ended == nil {
			t.Errorf("%+v: %q, %v", step, read, err)
		}
	}
	lost := Step{Name: "one", Before: found.Steps[0].Before, Part: "four"}
	if found.Steps[0].Part == "" {
		lost.Before = found.Steps[1].Before
	}
	if err := l.Before(t.Context(), lost, new(string)); err == nil {
		t.Error("a part was read that was never kept")
	}
	secrets, err := kube.List[corev1.Secret](t.Context(), l.cluster, kube.Secrets, l.Namespace, releaseLabel, "")
	if err != nil || len(secrets) != 2 {
		t.Errorf("%d Secrets, %v", len(secrets), err)
	}
}
