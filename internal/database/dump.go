package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// dump writes the snapshot to a file that has no name yet that counts. The file
// exists before pg_dump opens it so that nobody else can read it.
func dump(ctx context.Context, a Address, t tools, snapshotID, path string, patience time.Duration, progress func(string)) error {
	doing := "dump " + a.String()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return explainFile(doing, path, err)
	}
	if err := file.Close(); err != nil {
		return explainFile(doing, path, err)
	}
	stop := every(2*time.Second, func() {
		if info, err := os.Stat(path); err == nil {
			progress("dumped " + Size(info.Size()))
		}
	})
	defer stop()
	err = run(ctx, a, t.dump,
		"--format=custom",
		"--compress=1", // a snapshot held open costs the server more than the disk does
		"--snapshot="+snapshotID, "--lock-wait-timeout="+inMilliseconds(patience),
		"--no-publications", "--no-subscriptions", "--no-password", "--file="+path)
	return explainTool(ctx, doing, path, err)
}

// explainTool turns what pg_dump or pg_restore said into one sentence.
func explainTool(ctx context.Context, doing, path string, err error) error {
	var tool *toolError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case !errors.As(err, &tool):
		return explainFile(doing, path, err)
	}
	said := tool.stderr
	first := firstError(said)
	// "could not extend file" is the server's own disk, all else is ours.
	switch {
	case strings.Contains(said, "ERROR:") && outOfSpace(err):
		return fail(DiskFull, doing, fmt.Errorf("the database server's disk is full: %s", first), "free space on the database server; a scratch database needs as much as the original")
	case outOfSpace(err):
		return explainFile(doing, path, syscall.ENOSPC)
	case strings.Contains(said, "lock timeout"):
		return fail(Held, doing, errors.New(first), "another session holds a strong lock: wait for its migration or maintenance to end")
	case strings.Contains(said, "connection to server"), strings.Contains(said, "server closed the connection"), strings.Contains(said, "no connection to the server"):
		return fail(Unreachable, doing, errors.New(first), "the connection to the server was lost: try again when it is up")
	case strings.Contains(said, "permission denied"):
		return fail(Denied, doing, errors.New(first), "use the role that owns the objects, or grant it pg_read_all_data")
	}
	return fail(Failed, doing, errors.New(first), "")
}

var toolPrefix = regexp.MustCompile(`(?m)^pg_\w+: (?:error|fatal|detail): `)

// firstError is the first line that is an error, without the program's name.
func firstError(said string) string {
	for line := range strings.Lines(said) {
		if strings.Contains(line, "error:") || strings.Contains(line, "fatal:") {
			return strings.TrimSpace(toolPrefix.ReplaceAllString(line, ""))
		}
	}
	return strings.TrimSpace(lastLine(said))
}

// explainFile explains an error on the backup folder.
func explainFile(doing, path string, err error) error {
	folder := filepath.Dir(path)
	if outOfSpace(err) {
		return failf(DiskFull, doing, "free space there, or choose another folder", "no space left in %s (%s free)", folder, Size(max(0, Free(folder))))
	}
	var file *os.PathError
	if errors.As(err, &file) {
		return failf(Failed, doing, "check that the folder may be written", "%s: %w", file.Path, file.Err)
	}
	return fail(Failed, doing, err, "")
}

// Free is how much can be written to the file system of a folder, in bytes; -1
// where that is not known.
func Free(folder string) int64 {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil {
		return -1
	}
	return int64(stat.Bavail) * stat.Bsize
}

// digest returns the SHA-256 of a file and its size.
func digest(path string) (string, int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	return hex.EncodeToString(sum.Sum(nil)), n, err
}

// every calls f again and again until stopped.
func every(interval time.Duration, f func()) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// Size is a number of bytes, for people.
func Size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
