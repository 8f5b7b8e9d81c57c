package main

import (
	"errors"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
)

// Nobody releases between a migration and the services that it is for.
func TestReleaseIsLockedFromMigrateOn(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	good := "CREATE TABLE words (word text);\n"
	write(t, c.root, "migrations/0000_words.sql", good+"\\! "+b.hold()+"\n")
	book, err := ledger.Open(kubetest.Cluster(t), platform.Owner{Platform: "tiny", Environment: c.environment})
	if err != nil {
		t.Fatal(err)
	}
	p := c.launch(t, "migrate", "deploy")
	out := b.lit(p)
	if _, err := book.Acquire(t.Context(), ledger.Holder{Person: "mara"}, 0); !errors.As(err, new(*ledger.HeldError)) {
		t.Errorf("another release was let in while the database was migrated: %v", err)
	}
	interrupted(t, p, "migrate")
	out(soon)

	mine, err := book.Acquire(t.Context(), ledger.Holder{Person: "mara"}, 0)
	if err != nil {
		t.Fatalf("the lock was not given back: %v", err)
	}
	write(t, c.root, "migrations/0000_words.sql", good)
	code, output, r := c.launch(t, "migrate", "deploy").ends(soon)
	if failures := r.Failures(); code != exitFailed || len(failures) != 1 || failures[0].Name != "migrate" || failures[0].Hint == "" {
		t.Errorf("migrates while another run releases: exit code %d\n%s", code, output)
	}
	if err := mine.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	replace(t, c.root, "slipway.yaml", "services:", "variables: [{name: JWT_SECRET}, {name: API_KEY}]\n\nservices:")
	replace(t, c.root, "deploy/web.yaml", "          readinessProbe", "          envFrom: [{secretRef: {name: teei-env}}]\n          readinessProbe")
	c.env = append(c.env, "JWT_SECRET=signs-what-nobody-may-forge", "API_KEY=opens-what-is-closed")
	p = c.launch(t, "images", "backup", "migrate", "deploy", "--verbose")
	if code, output, _ := p.ends(3 * time.Minute); code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	// Report, images, record, dump and its manifest, dagger.log, four logs.
	if files := p.keeps(c.database, secretOf(c.database), "signs-what-nobody-may-forge", "opens-what-is-closed"); files < 10 {
		t.Errorf("%d files", files)
	}
	record, err := book.Release(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if record.State != ledger.Released || len(record.Migrations) != 1 || record.Schema.After != record.Migrations[0] || record.Fence != mine.Fence+1 {
		t.Errorf("%+v", record)
	}
}
