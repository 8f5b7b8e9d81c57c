package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/testenv/github"
)

// TestRollbackOnAnotherMachine: the rollback workflow, on a machine that knows
// nothing of the release, finds its backup by the run that made it, and brings
// services and data back. What the run keeps is encrypted.
func TestRollbackOnAnotherMachine(t *testing.T) {
	t.Parallel()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	m := newMigrating(t)
	m.platform = strings.NewReplacer("    gate:\n", "    sealBackups: ["+key.Recipient().String()+"]\n    gate:\n", "onFailure: restore", "onFailure: keep",
		"      approvals:\n", "      rollback: {workflow: .github/workflows/rollback.yml, approvals: [{name: on call, environment: production-rollback, users: [tom]}]}\n      approvals:\n").Replace(m.platform)
	m.changes("one", "true", "CREATE TABLE orders (item text)")
	if out, err := m.run(m.approve); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	query(t, m.url, `INSERT INTO orders VALUES ('tea')`)
	m.changes("two", "true", "CREATE TABLE goods (name text)")
	if out, err := m.run(m.approve); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	query(t, m.url, `INSERT INTO orders VALUES ('milk')`)
	m.is("two: goods orders, 2 orders")
	m.sealed(2)

	m.elsewhere()
	if out, err := m.run(nobody); err == nil || !strings.Contains(out, "is encrypted, and there is no SLIPWAY_BACKUP_KEY") {
		t.Errorf("without a key: %v\n%s", err, out)
	}
	m.dispatch.Secrets["BACKUP_KEY"] = key.String()
	if out, err := m.run(nobody); err == nil || !strings.Contains(out, "approval/on call: 0 of 1 approved it") {
		t.Errorf("it goes back though nobody approved it: %v\n%s", err, out)
	}
	m.is("two: goods orders, 2 orders")
	m.review("tom", "approved", "back, with the data", "production-rollback")
	out, err := m.run(nobody)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"of run 79, from ", "approved by tom for on call", "going back to the backup loses writes, an estimate: ", "public.orders 1", "the database is the backup again"} {
		if !strings.Contains(out, want) {
			t.Errorf("nobody said %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, key.String()) {
		t.Error("the key is shown")
	}
	t.Cleanup(func() { dropKept(m.url, databaseName(t, m.url)+"_replaced_3") })
	m.ended(3, ledger.Released, "back at "+m.environment+" #1")
	m.is("one: orders, 1 orders")
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "slipway-backup-*")); len(left) > 0 {
		t.Errorf("decrypted, and left behind: %q", left)
	}
}

// nobody is asked for a digest.
func nobody(string) {}

// sealed holds that the run of a release keeps its backup, and that nobody can
// read it there; then the machine that took it is gone.
func (m *migrating) sealed(number int) {
	m.Helper()
	r, err := m.ledger.Release(m.Context(), number)
	if err != nil {
		m.Fatal(err)
	}
	backup := release.RecordedBackup(r)
	if backup == nil {
		m.Fatalf("the record names no backup: %+v", r)
	}
	kept, err := os.ReadFile(filepath.Join(m.dispatch.Artifacts, "backup-plan", filepath.Base(backup.File)+".age"))
	if err != nil || !strings.HasPrefix(string(kept), "age-encryption.org/v1") {
		m.Fatalf("the run keeps %.40q, %v", kept, err)
	}
	plain, err := filepath.Glob(filepath.Join(m.dispatch.Artifacts, "*", "*.dump"))
	if err != nil || len(plain) > 0 {
		m.Fatalf("everybody can read %q, %v", plain, err)
	}
	if err := os.RemoveAll(filepath.Join(m.dispatch.Repository, ".slipway")); err != nil {
		m.Fatal(err)
	}
	if _, err := os.Stat(backup.File); filepath.IsAbs(backup.File) && err == nil {
		m.Fatalf("%s is still there", backup.File)
	}
}

// elsewhere makes the next run one of the rollback workflow, in a checkout of its own.
func (m *migrating) elsewhere() {
	m.Helper()
	workflow := strings.NewReplacer("== 'production'", "== '"+m.environment+"'", "staging, production]", "staging, "+m.environment+"]").
		Replace(read(m.T, "../.github/workflows/rollback.yml"))
	m.write(".github/workflows/rollback.yml", workflow)
	m.commit("the way back")
	fresh := m.TempDir()
	run(m.T, fresh, "git", "clone", "--quiet", m.dispatch.Repository, ".")
	run(m.T, fresh, "git", "remote", "set-url", "origin", "https://github.com/acme/platform.git")
	m.dispatch.Repository, m.dispatch.Workflow = fresh, ".github/workflows/rollback.yml"
	m.dispatch.Cache = m.TempDir()
	installed(m.T, m.dispatch)
	m.dispatch.Run++
	m.knows()
	m.dispatch.Inputs = map[string]string{"environment": m.environment, "database": "recorded", "accept-loss": "true", "root": "."}
	no := false
	m.hub.Change(func(k *github.Known) {
		r := k.Runs[m.dispatch.Run]
		r.Path, r.Waiting = ".github/workflows/rollback.yml", []string{"production-rollback"}
		k.Environments["production-rollback"] = &github.Environment{
			Name: "production-rollback", Users: []string{"tom"}, PreventSelfReview: true, AdminsBypass: &no, Policy: github.CustomBranches, Branches: []string{"main"},
		}
	})
}
