package report

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/plan"
)

func value(s string) *string { return &s }

func planned(t *testing.T, p *plan.Plan, items ...plan.Item) Planned {
	t.Helper()
	d, err := NewPlanned(p, items, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPlanGolden(t *testing.T) {
	at := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	d := planned(t, &plan.Plan{
		Version: 1, Environment: "production", Namespace: "shop", By: "mara", Source: "c0ffee", PlatformFile: "abc", From: "staging #41",
		Services: []plan.Service{
			{Name: "web", Before: "r/web@sha256:" + strings.Repeat("1", 64), After: "r/web@sha256:" + strings.Repeat("2", 64), Changed: true, Port: 80},
			{Name: "api", Before: "r/api@sha256:" + strings.Repeat("3", 64), After: "r/api@sha256:" + strings.Repeat("3", 64), Changed: true, Port: 81},
			{Name: "new", After: "r/new@sha256:" + strings.Repeat("4", 64), Changed: true, Port: 82},
			{Name: "old", Before: "r/old@sha256:" + strings.Repeat("5", 64), After: "r/old@sha256:" + strings.Repeat("5", 64), Port: 83},
		},
		Objects: []plan.Object{
			{ID: "Secret/shop/keys", Action: plan.Change, Fields: []plan.Field{{Path: "data.token", Before: value("hmac-sha256:0123456789abcdef"), After: value("hmac-sha256:fedcba9876543210"), Secret: true}}},
			{ID: "Deployment/shop/web", Service: "web", Action: plan.Change, Fields: []plan.Field{{Path: "spec.paused", After: value("true")}, {Path: "a|b", Before: value(`"<img src=x> @mara ::error::"`)}}},
			{ID: "Deployment/shop/new", Service: "new", Action: plan.Create, Fields: []plan.Field{{Path: "kind", After: value(`"Deployment"`)}}},
			{ID: "Service/shop/web", Action: plan.Own, Fields: []plan.Field{}},
		},
		LeftOut:    []string{"ConfigMap/shop/api-config"},
		Excluded:   []string{"Job/shop/cleanup (helm.sh/hook: pre-delete)"},
		Left:       []string{"Deployment/shop/retired", "ClusterRole/shop-reader"},
		Migrations: []plan.Migration{{Name: "0001_a", SHA256: "aa", SQL: "SELECT '</pre>```';\nSELECT 2;\n"}},
	},
		plan.Item{Kind: plan.Check, Name: "test", SHA256: "11", At: at, Passed: true, Detail: "passed"},
		plan.Item{Kind: plan.Backup, Name: "database", SHA256: "22", At: at, Detail: "19 tables restored and compared"})
	var md bytes.Buffer
	if err := d.Markdown(&md); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.md", md.Bytes())
	golden(t, "plan.txt", []byte(d.String()+"\n"))
	golden(t, "plan-empty.txt", []byte(planned(t, &plan.Plan{Version: 1, Environment: "staging", Services: []plan.Service{{Name: "web"}}}).String()+"\n"))
}

func TestEvidenceOfAReport(t *testing.T) {
	log := filepath.Join(t.TempDir(), "test.log")
	if err := os.WriteFile(log, []byte("fine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Report{
		Stages: []Stage{{Name: "test", Status: Passed, Log: log}, {Name: "lint", Status: Failed}, {Name: "e2e", Status: Skipped}, {Name: "deploy", Status: Passed}},
		Backup: &Backup{Path: "x.dump", SHA256: "22", Tables: 1, Verified: true},
	}
	folder := t.TempDir()
	items, err := r.Evidence(folder)
	if err != nil || len(items) != 3 {
		t.Fatalf("%+v, %v", items, err)
	}
	// printf 'fine\n' | sha256sum
	if i := items[0]; !i.Passed || i.SHA256 != "8ecc5f94c57b05d6c5e0ee316bee4875427e1845bbeef3ead59df29c72aab36e" {
		t.Errorf("%+v", i)
	}
	if items[1].Passed || items[1].Name != "lint" || items[2].Kind != plan.Backup || items[2].Detail != "1 table restored and compared" {
		t.Errorf("%+v", items[1:])
	}
	// The next run of ci writes over its log, not over the evidence; whoever edits that is found.
	if err := os.WriteFile(log, []byte("two tests failed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	evidence := plan.NewEvidence("abc", time.Now(), items...)
	if err := evidence.Files(folder); err != nil {
		t.Errorf("after another run: %v", err)
	}
	if err := os.WriteFile(items[0].Path(folder), []byte("fine!"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := evidence.Files(folder); !errors.As(err, new(*plan.RefusedError)) || !strings.Contains(err.Error(), "check test: ") {
		t.Errorf("with one byte changed: %v", err)
	}
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Evidence(folder); err == nil {
		t.Error("a log that is gone is evidence")
	}
}
