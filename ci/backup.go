package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

const backupDir = "/backup"

// backup dumps the database in a container whose client is as old as the
// server, restores the dump beside it and compares the two. Where slipway.yaml has
// keys for it, an encrypted one lies beside it, for whoever keeps it.
func (p *pipeline) backup(ctx context.Context, stage *report.Stage) error {
	d, target, err := p.database(stage)
	if d == nil || err != nil {
		return err
	}
	address := target.Values[d.URL]
	server, err := database.Ping(ctx, address)
	if err != nil {
		return err
	}
	var t tunnels
	inner, err := t.through(address, 5432)
	if err != nil {
		return err
	}
	c := p.dag.Container().From(p.postgresImage(server.Major)).
		WithSecretVariable("SLIPWAY_DATABASE_URL", p.dag.SetSecret("backup-url", inner))
	outcome, after, log, err := inside[database.Backup](ctx, p, c, &t, "backup", backupDir)
	stage.Log = p.writeLog(stage.Name, log)
	b := outcome.Result
	if b.Path == "" {
		return err
	}
	// A dump that could not be verified comes along: somebody may want to look at it.
	dir := filepath.Join(p.options.Output, "backup")
	if _, exported := after.Directory(backupDir).Export(context.WithoutCancel(ctx), dir); exported != nil {
		return p.unfetched(dir, b, exported)
	}
	b.Path = filepath.Join(dir, path.Base(b.Path))
	if restricted := os.Chmod(b.Path, 0o600); restricted != nil && err == nil {
		return restricted
	}
	p.report.Backup = &report.Backup{Path: b.Path, SHA256: b.SHA256, Tables: len(b.Tables), Verified: b.Verified, Bytes: b.Bytes}
	if keys := p.platform.Environments[target.Environment].SealBackups; err == nil && b.Verified && len(keys) > 0 {
		err = database.Seal(b.Path, filepath.Join(p.options.Output, "sealed"), keys)
	}
	if b.Verified {
		stage.Note = fmt.Sprintf("%d tables restored and compared", len(b.Tables))
	}
	for _, remark := range b.Remarks {
		p.progress.Say("  note: %s", remark)
	}
	return err
}

// unfetched removes what came of a dump that could not be fetched: a part of
// one is none. The engine does not say that the disk was full, so that is looked up.
func (p *pipeline) unfetched(dir string, b database.Backup, exported error) error {
	err := explain("fetch the dump to "+dir, exported)
	dump := filepath.Join(dir, path.Base(b.Path))
	removed := errors.Join(os.RemoveAll(dump), os.RemoveAll(dump+database.ManifestSuffix))
	if room := database.Free(dir); room >= 0 && room < b.Bytes {
		err = &platform.InfrastructureError{
			Message: fmt.Sprintf("fetch the dump: no space left in %s: it has %s, and %s are free", dir, database.Size(b.Bytes), database.Size(room)),
			Advice:  "free space there, or choose another folder with --output",
		}
	}
	return errors.Join(err, removed)
}

// postgresImage is the image with the client of that version: the platform's
// own where it is that version, since that one can be pulled for sure.
func (p *pipeline) postgresImage(major int) string {
	own := p.platform.Infrastructure["postgres"].Image
	_, tag, _ := strings.Cut(path.Base(own), ":")
	version := strconv.Itoa(major)
	if rest, ok := strings.CutPrefix(tag, version); ok && (rest == "" || strings.ContainsAny(rest[:1], ".-@")) {
		return own
	}
	return "postgres:" + version
}

// backupInside runs where pg_dump is.
func backupInside(ctx context.Context, dir string) error {
	return record(ctx, func(ctx context.Context) (b database.Backup, err error) {
		err = onLeash(ctx, func(ctx context.Context, ci *outside) error {
			b, err = database.TakeBackup(ctx, database.BackupOptions{
				URL: os.Getenv("SLIPWAY_DATABASE_URL"), Dir: dir,
				Progress: func(message string) { ci.say("%s", message) },
			})
			return err
		})
		return b, err
	})
}
