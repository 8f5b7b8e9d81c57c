package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// BackupOptions says what to back up and where to.
type BackupOptions struct {
	URL   string // postgres:// address; never shown
	Dir   string // folder of the dump, made if needed
	Tools string // folder of pg_dump and pg_restore. Default: PATH
	Jobs  int    // tables counted and restored at a time. Default: 2

	// LockTimeout is how long a table lock is waited for. Others queue behind
	// whoever waits, so it is short. Default: 30s.
	LockTimeout time.Duration

	Progress func(message string) // told what is going on, now and then
}

// Backup is a dump that was restored and compared with the database, at the
// exact moment it was taken.
type Backup struct {
	Path          string       `json:"path"`
	SHA256        string       `json:"sha256"`
	Bytes         int64        `json:"bytes"`
	Tables        []TableCheck `json:"tables"`
	Verified      bool         `json:"verified"` // restored and found equal; otherwise it is not a backup
	Taken         time.Time    `json:"taken"`    // when the snapshot was
	ServerVersion string       `json:"serverVersion"`
	ClientVersion string       `json:"clientVersion"`
	Seconds       float64      `json:"seconds"`
	Remarks       []string     `json:"remarks,omitempty"` // what it leaves out, or brings back in another way
}

const (
	partialSuffix    = ".partial"
	unverifiedSuffix = ".unverified"
)

func (o BackupOptions) run(ctx context.Context, a Address, b *Backup) (err error) {
	t, err := findTools(ctx, o.Tools)
	if err != nil {
		return err
	}
	b.ClientVersion = t.version
	if b.ServerVersion, b.Remarks, err = admit(ctx, a, t); err != nil {
		return err
	}
	doing := "back up " + a.String()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return explainFile(doing, o.Dir, err)
	}
	sweep(o.Dir, time.Now())
	b.Taken = time.Now().UTC()
	final := filepath.Join(o.Dir, fileName(a.Database, b.Taken))
	partial := final + partialSuffix
	defer func() { _ = os.Remove(partial) }() // gone already when all went well

	m, err := o.take(ctx, a, t, partial)
	if err != nil {
		return err
	}
	want := m.contents()
	b.Tables = want.tables
	if b.SHA256, b.Bytes, err = digest(partial); err != nil {
		return explainFile(doing, partial, err)
	}
	remarks, err := verify(ctx, a, t, o.Jobs, partial, want, m.Later, o.Progress)
	b.Remarks = append(b.Remarks, remarks...)
	var known *Error
	if errors.As(err, &known) && known.Kind == Unproven {
		b.Path = final + unverifiedSuffix
		return errors.Join(err, os.Rename(partial, b.Path))
	}
	if err != nil {
		return err
	}
	m.SHA256, m.Taken = b.SHA256, b.Taken
	if err := m.write(final); err != nil {
		return explainFile(doing, final, err)
	}
	if err := os.Rename(partial, final); err != nil {
		return explainFile(doing, final, err)
	}
	b.Path, b.Verified = final, true
	return syncFolder(o.Dir)
}

// syncFolder makes a rename survive a power cut.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// TakeBackup dumps the database, restores the dump into a scratch database
// beside it and compares the two. Only a dump that passes gets its name; one
// that was restored and differs is kept as .unverified, all else is removed.
// The Backup returned with an error tells how far it came and is not Verified.
func TakeBackup(ctx context.Context, o BackupOptions) (Backup, error) {
	began := time.Now()
	var b Backup
	a, err := ParseURL(o.URL)
	if err != nil {
		return b, err
	}
	if o.Jobs < 1 {
		o.Jobs = 2
	}
	if o.LockTimeout <= 0 {
		o.LockTimeout = 30 * time.Second
	}
	o.Progress = oneAtATime(o.Progress)
	err = o.run(ctx, a, &b)
	sortTables(b.Tables)
	b.Seconds = time.Since(began).Seconds()
	return b, err
}

// oneAtATime lets several goroutines report to somebody who expects one.
func oneAtATime(progress func(string)) func(string) {
	if progress == nil {
		return func(string) {}
	}
	var m sync.Mutex
	return func(message string) {
		m.Lock()
		defer m.Unlock()
		progress(message)
	}
}

// admit refuses what could not be backed up and verified, before it is begun.
func admit(ctx context.Context, a Address, t tools) (version string, remarks []string, err error) {
	conn, err := connect(ctx, a)
	if err != nil {
		return "", nil, err
	}
	defer hangUp(conn)
	server, err := askServer(ctx, conn)
	if err != nil {
		return "", nil, explain(ctx, "query "+a.String(), err)
	}
	if err := t.check(a, server); err != nil {
		return server.Version, nil, err
	}
	remarks, err = survey(ctx, conn, a, server)
	return server.Version, remarks, err
}

// take dumps and counts one and the same snapshot, both at once. It is let go
// as soon as both are done, because vacuum waits for it.
func (o BackupOptions) take(ctx context.Context, a Address, t tools, path string) (m manifest, err error) {
	s, err := takeSnapshot(ctx, a, o.Jobs, o.LockTimeout)
	if err != nil {
		return m, err
	}
	defer s.release()
	if m.Of, m.Counting, err = identify(ctx, s.conns[0]); err != nil {
		return m, explain(ctx, "back up "+a.String(), err)
	}
	if m.Writes, err = readWrites(ctx, s.conns[0]); err != nil {
		return m, explain(ctx, "back up "+a.String(), err)
	}
	o.Progress(fmt.Sprintf("dumping %s of %s", plural(len(s.tables), "table"), a))
	g, work := errgroup.WithContext(ctx)
	g.Go(func() error { return dump(work, a, t, s.id, path, o.LockTimeout, o.Progress) })
	g.Go(func() error {
		err := countTables(work, s.conns, s.tables, func(n int) { o.Progress(fmt.Sprintf("counted %d of %s", n, plural(len(s.tables), "table"))) })
		return explain(work, "count the rows of "+a.String(), err)
	})
	if err := g.Wait(); err != nil {
		return m, err
	}
	if m.Later, err = readSequences(ctx, s.conns[0]); err != nil {
		return m, explain(ctx, "read the sequences of "+a.String(), err)
	}
	m.Tables, m.Objects, m.Sequences = s.tables, s.objects, s.sequences
	return m, nil
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// fileName is unique, sorts by time, and is harmless whatever the database is called.
func fileName(database string, at time.Time) string {
	name := strings.Trim(unfit.ReplaceAllString(database, "-"), "-")
	if name == "" {
		name = "database"
	}
	if len(name) > 60 {
		name = name[:60]
	}
	return fmt.Sprintf("%s-%s-%s.dump", name, at.Format("20060102T150405Z"), randomHex(2))
}

// named is the end of what fileName makes.
var named = regexp.MustCompile(`-\d{8}T\d{6}Z-[0-9a-f]{4}\.dump$`)

// sweep removes half-written dumps of runs that were killed. The folder may be
// anybody's, so only what begins as a dump and has such a name is one.
func sweep(dir string, now time.Time) {
	found, _ := filepath.Glob(filepath.Join(dir, "*.dump"+partialSuffix)) // the pattern is well-formed
	for _, path := range found {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && now.Sub(info.ModTime()) > time.Hour && named.MatchString(strings.TrimSuffix(path, partialSuffix)) && begun(path) {
			_ = os.Remove(path) // somebody else's to report
		}
	}
}

// begun reports whether a file is as pg_dump begins one, or empty.
func begun(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 5)
	n, _ := io.ReadFull(f, magic)
	return n == 0 || string(magic[:n]) == "PGDMP"
}
