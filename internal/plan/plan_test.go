package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func text(s string) *string { return &s }

// sample has something everywhere.
func sample() *Plan {
	return &Plan{
		Version: Version, Environment: "production", Namespace: "shop", By: "mara", Source: "c0ffee", PlatformFile: "abc",
		From: "staging #41", Only: []string{"web", "api"},
		Services: []Service{
			{Name: "web", Before: "r/web@sha256:1", After: "r/web@sha256:2", Changed: true, Port: 80, Health: "/health"},
			{Name: "api", Before: "r/api@sha256:1", After: "r/api@sha256:1", Port: 81, Health: "/health"},
		},
		Objects: []Object{
			{ID: "Secret/shop/keys", Action: Change, Fields: []Field{{Path: "data.token", Before: text("hmac-sha256:1"), After: text("hmac-sha256:2"), Secret: true}}},
			{ID: "Deployment/shop/web", Service: "web", Action: Change, Fields: []Field{{Path: "spec.replicas", Before: text("1"), After: text("2")}, {Path: "spec.paused", After: text("true")}}},
		},
		Migrator:   "r/migrate@sha256:3",
		Restore:    true,
		Migrations: []Migration{{Name: "0001_a", SHA256: "aa", SQL: "SELECT '<&>';"}},
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func proof(t *testing.T, p *Plan) *Evidence {
	t.Helper()
	digest, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return NewEvidence(digest, noon,
		Item{Kind: Check, Name: "test", SHA256: "11", At: noon.Add(-time.Hour), Passed: true},
		Item{Kind: Backup, Name: "database", SHA256: "22", At: noon.Add(-time.Minute), Passed: true})
}

func approval(t *testing.T, p *Plan, e *Evidence) string {
	t.Helper()
	digest, err := Approval(p, e)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestDigestIsThatOfTheFile(t *testing.T) {
	folder := t.TempDir()
	p := sample()
	if err := Write(folder, p, proof(t, p)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, File))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if digest, err := p.Digest(); err != nil || digest != hex.EncodeToString(sum[:]) {
		t.Errorf("digest %s, %v; the file's is %x", digest, err, sum)
	}
	again, evidence, err := Read(folder)
	if err != nil || !reflect.DeepEqual(again, p) || !reflect.DeepEqual(evidence, proof(t, p)) {
		t.Errorf("read %+v, %+v, %v", again, evidence, err)
	}
}

// TestApprovalCoversEverything changes each value of plan and evidence in turn:
// none may keep the digest that was approved.
func TestApprovalCoversEverything(t *testing.T) {
	p, e := sample(), proof(t, sample())
	approved := approval(t, p, e)
	seen := 0
	for _, whole := range []any{p, e} {
		each := func(v reflect.Value, where string) {
			old := reflect.New(v.Type()).Elem()
			old.Set(v)
			if !another(v) {
				return
			}
			seen++
			if approval(t, p, e) == approved && !strings.HasSuffix(where, ".Plan") {
				t.Errorf("another %s has the same approval digest", where)
			}
			if err := Approved(p, e, approved, noon); err == nil {
				t.Errorf("another %s is approved", where)
			}
			v.Set(old)
		}
		walk(reflect.ValueOf(whole).Elem(), reflect.TypeOf(whole).Elem().Name(), each)
	}
	if seen < 40 {
		t.Errorf("only %d values were changed", seen)
	}
	if err := Approved(p, e, approved, noon); err != nil {
		t.Error("what was approved is refused:", err)
	}
}

// walk visits each value that has no parts, and each list.
func walk(v reflect.Value, where string, visit func(reflect.Value, string)) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		visit(v, where)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			walk(v.Field(i), where+"."+v.Type().Field(i).Name, visit)
		}
	case v.Kind() == reflect.Slice:
		visit(v, where)
		for i := range v.Len() {
			walk(v.Index(i), where+"[]", visit)
		}
	case v.Kind() == reflect.Pointer:
		visit(v, where)
	default:
		visit(v, where)
	}
}

// another sets a value to another one.
func another(v reflect.Value) bool {
	switch x := v.Interface().(type) {
	case string:
		v.SetString(x + "x")
	case int:
		v.SetInt(int64(x) + 1)
	case bool:
		v.SetBool(!x)
	case time.Time:
		v.Set(reflect.ValueOf(x.Add(time.Second)))
	case *string:
		if x == nil {
			v.Set(reflect.ValueOf(text("x")))
		} else {
			v.Set(reflect.ValueOf((*string)(nil)))
		}
	default:
		if v.Kind() != reflect.Slice || v.Len() == 0 {
			return false
		}
		v.Set(v.Slice(0, v.Len()-1))
	}
	return true
}

func TestApprovedRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(p *Plan, e *Evidence)
		now    time.Time
		want   string
	}{
		{name: "expired", now: noon.Add(24*time.Hour + time.Minute), want: "it expired at 2026-03-02T12:00:00Z"},
		{name: "from the future", now: noon.Add(-time.Hour), want: "made in the future"},
		{name: "a check failed", change: func(_ *Plan, e *Evidence) { e.Items[0].Passed = false }, now: noon, want: "check test did not pass"},
		{name: "old backup", change: func(_ *Plan, e *Evidence) { e.Items[1].At = noon.Add(-25 * time.Hour) }, now: noon, want: "backup database is 25h0m0s old"},
		{name: "long life", change: func(_ *Plan, e *Evidence) { e.Expires = noon.Add(48 * time.Hour) }, now: noon, want: "longer than 24h0m0s"},
		{name: "evidence of another plan", change: func(p *Plan, _ *Evidence) { p.Source = "beef" }, now: noon, want: "the evidence is for plan"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, e := sample(), proof(t, sample())
			if tt.change != nil {
				tt.change(p, e)
			}
			err := Approved(p, e, approval(t, p, e), tt.now)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestSameNamesWhatDiffers(t *testing.T) {
	for _, tt := range []struct {
		change func(p *Plan)
		want   string
	}{
		{func(p *Plan) { p.Source = "beef" }, "the source was c0ffee when it was approved and is beef now"},
		{func(p *Plan) { p.Only = nil }, "the services asked for was web api when it was approved and is none now"},
		{func(p *Plan) { p.Services[0].Before = "r/web@sha256:9" }, "service web: it ran r/web@sha256:1 when this was approved and runs r/web@sha256:9 now"},
		{func(p *Plan) { p.Services[0].After = "r/web@sha256:9" }, "service web: image r/web@sha256:2 was approved, r/web@sha256:9 would be released"},
		{func(p *Plan) { slices.Reverse(p.Services) }, "the order of the services is another"},
		{func(p *Plan) { p.Services = p.Services[:1] }, "service api was to be released and is not there to release now"},
		{func(p *Plan) { p.Objects[1].Fields[0].Before = text("3") }, "object Deployment/shop/web: it was changed since, at spec.replicas"},
		{func(p *Plan) { p.Objects = append(p.Objects, Object{ID: "Service/shop/web", Action: Create}) }, "object Service/shop/web would be released now and was not approved"},
		{func(p *Plan) { p.Objects[0].Action = Create }, "object Secret/shop/keys: change was approved, create would be done"},
		{func(p *Plan) { p.Migrations[0].SQL = "DROP TABLE users" }, "migration 0001_a: its SQL is another"},
		{func(p *Plan) { p.Missing = []Missing{{ID: "Secret/shop/late", For: []string{"Deployment/shop/web"}}} }, "Secret/shop/late is missing now, and was not when it was approved"},
		{func(p *Plan) { p.Migrations = nil }, "migration 0001_a was to be released and is not there to release now"},
	} {
		now := sample()
		tt.change(now)
		err := Same(sample(), now)
		if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%v\nwant %s", err, tt.want)
		}
	}
	if err := Same(sample(), sample()); err != nil {
		t.Error(err)
	}
	// What was missing and has been made is as people wanted it, and excuses nothing else.
	lacking, now := sample(), sample()
	lacking.Missing = []Missing{{ID: "Secret/shop/late", Key: "token", For: []string{"Deployment/shop/web"}}}
	if err := Same(lacking, now); err != nil {
		t.Error(err)
	}
	digest, err := lacking.Digest()
	if err != nil {
		t.Fatal(err)
	}
	now.Source = "beef"
	var refused *RefusedError
	if err := Same(lacking, now); !errors.As(err, &refused) || refused.Plan != digest || len(refused.Reasons) != 1 {
		t.Errorf("%v", err)
	}
}

func TestFields(t *testing.T) {
	parse := func(s string) map[string]any {
		var v map[string]any
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	before := parse(`{"spec":{"replicas":1,"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}],"list":[1,2]},"metadata":{"annotations":{"a.b/c":"1"}},"same":{"k":[{}]}}`)
	after := parse(`{"spec":{"containers":[{"name":"b","image":"z"},{"name":"a","image":"x"}],"list":[1,2,3]},"metadata":{"annotations":{"a.b/c":"2"}},"data":{"p":"geheim"},"same":{"k":[{}]}}`)
	var got []string
	for _, f := range Fields(before, after, func(path, value string) (string, bool) { return "#" + value[:1], path == "data.p" }) {
		got = append(got, f.Path+" "+value(f.Before)+" "+value(f.After))
	}
	want := []string{
		"data.p \x00none #g", `metadata.annotations[a.b/c] "1" "2"`, `spec.containers[b].image "y" "z"`, "spec.list[2] \x00none 3", "spec.replicas 1 \x00none",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestReadPlanRefuses(t *testing.T) {
	good, err := Canonical(sample())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ data, want string }{
		"another version": {strings.Replace(string(good), `"version":1`, `"version":2`, 1), "its version is 2, this slipway knows 1"},
		"formatted":       {string(good) + "\n", "not in canonical form"},
		"a second plan":   {string(good) + string(good), "something follows after its end"},
		"a key twice":     {strings.Replace(string(good), `"version":1`, `"version":1,"version":1`, 1), "not in canonical form"},
		"an unknown key":  {strings.Replace(string(good), `"version":1`, `"version":1,"yes":true`, 1), `unknown field "yes"`},
		"nothing":         {"", "EOF"},
	} {
		if _, err := ReadPlan([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// FuzzReadPlan holds what is read against what it is made of: whatever is
// accepted is canonical, and so has one digest.
func FuzzReadPlan(f *testing.F) {
	data, err := Canonical(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadPlan(data)
		if err != nil {
			return
		}
		sum := sha256.Sum256(data)
		if digest, err := p.Digest(); err != nil || digest != hex.EncodeToString(sum[:]) {
			t.Errorf("digest %s, %v; of the bytes it is %x", digest, err, sum)
		}
	})
}

// TestFilesOfTheEvidence: a file that is at hand has to be the one that was
// approved; one that is not here was approved by its hash.
func TestFilesOfTheEvidence(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) Item {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		return Item{Kind: Check, Name: strings.TrimSuffix(name, ".log"), SHA256: hex.EncodeToString(sum[:]), File: name, Passed: true}
	}
	e := NewEvidence("abc", time.Now(), write("test.log", "ok"), write("lint.log", "ok"), Item{Kind: Check, Name: "build", SHA256: "1234"})
	if err := e.Files(folder); err != nil {
		t.Errorf("as they were: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "test.log")); err != nil {
		t.Fatal(err)
	}
	if err := e.Files(folder); err != nil {
		t.Errorf("one that is elsewhere: %v", err)
	}
	write("lint.log", "3 problems")
	var refused *RefusedError
	if err := e.Files(folder); !errors.As(err, &refused) || len(refused.Reasons) != 1 || !strings.HasPrefix(refused.Reasons[0], "check lint: ") || !strings.HasSuffix(refused.Reasons[0], "lint.log is not the file that the evidence is of") {
		t.Errorf("one that was edited: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, "lint.log")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "lint.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := e.Files(folder); err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "read the evidence: ") {
		t.Errorf("one that cannot be read: %v", err)
	}
}
