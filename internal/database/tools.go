package database

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tools are PostgreSQL's own client programs. They stay subprocesses: nobody
// else knows every corner of a catalog as well.
type tools struct {
	dump, restore string
	version       string
	major         int
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)((?:\.\d+|beta\d+|rc\d+|devel)*)`)

// findTools looks in dir, or on PATH when dir is empty.
func findTools(ctx context.Context, dir string) (tools, error) {
	const doing = "find pg_dump and pg_restore"
	const hint = "install the PostgreSQL client of the server's major version, such as postgresql-client-17, or use the postgres image of that version"
	paths := make([]string, 2)
	for i, name := range []string{"pg_dump", "pg_restore"} {
		var err error
		if paths[i], err = exec.LookPath(filepath.Join(dir, name)); err != nil {
			return tools{}, failf(NoTools, doing, hint, "%s is not there", name)
		}
	}
	t := tools{dump: paths[0], restore: paths[1]}
	for _, path := range paths {
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			return t, failf(NoTools, doing, hint, "%s --version: %w", filepath.Base(path), err)
		}
		found := versionPattern.FindSubmatch(out)
		if found == nil {
			return t, failf(NoTools, doing, hint, "%s does not say its version", filepath.Base(path))
		}
		major, err := strconv.Atoi(string(found[1]))
		if err != nil {
			return t, fail(NoTools, doing, err, hint)
		}
		// The older of the two decides.
		if t.major == 0 || major < t.major {
			t.major, t.version = major, string(found[1])+string(found[2])
		}
	}
	return t, nil
}

// check refuses a client that is older than the server.
func (t tools) check(a Address, server Server) error {
	if t.major >= server.Major {
		return nil
	}
	return failf(OldClient, "dump "+a.String(),
		fmt.Sprintf("install postgresql-client-%d or newer, or use the image postgres:%d", server.Major, server.Major),
		"pg_dump is %s and the server is %s: an older client cannot dump a newer server", t.version, server.Version)
}

// toolError is what a client program said when it failed.
type toolError struct {
	tool   string
	stderr string
	err    error
}

func (e *toolError) Error() string {
	if said := strings.TrimSpace(e.stderr); said != "" {
		return said
	}
	return fmt.Sprintf("%s: %v", e.tool, e.err)
}

func (e *toolError) Unwrap() error { return e.err }

// run starts a client program with the login in its environment and in a
// password file, never in its arguments, and waits for it. A cancelled context
// ends it politely, so that it cancels its queries on the server.
func run(ctx context.Context, a Address, path string, args ...string) error {
	private, err := os.MkdirTemp("", "slipway-pg-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(private)
	env, login, err := a.environment(private)
	defer login.Close()
	if err != nil {
		return err
	}
	said := &tail{limit: 16 << 10}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env, cmd.Stderr, cmd.Stdout = env, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C reaches it through us alone
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return &toolError{tool: filepath.Base(path), stderr: said.String(), err: err}
}

// environment is the whole one of a client program: nothing of the caller's
// PG* variables passes. The file that it names for the password is gone once it
// is closed.
func (a Address) environment(private string) (env []string, login *os.File, err error) {
	env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + private,
		"LC_ALL=C", // its messages are read here
		"PGHOST=" + a.Host, "PGPORT=" + strconv.Itoa(a.Port), "PGUSER=" + a.User, "PGDATABASE=" + a.Database,
	}
	settings := map[string]string{"connect_timeout": "10", "application_name": "slipway"}
	for key, value := range a.settings {
		settings[key] = value
	}
	for key, value := range settings {
		env = append(env, settingVariables[key]+"="+value)
	}
	login, path, err := nameless(private)
	if err != nil || a.password == "" {
		return env, login, err
	}
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`)
	_, err = login.WriteString("*:*:*:*:" + escape.Replace(a.password) + "\n")
	return append(env, "PGPASSFILE="+path), login, err
}

// tail keeps the beginning and the end of what is written to it.
type tail struct {
	limit      int
	head, last bytes.Buffer
	dropped    bool
}

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if room := t.limit/2 - t.head.Len(); room > 0 {
		k := min(room, len(p))
		t.head.Write(p[:k])
		p = p[k:]
	}
	t.last.Write(p)
	if over := t.last.Len() - t.limit/2; over > 0 {
		t.last.Next(over)
		t.dropped = true
	}
	return n, nil
}

func (t *tail) String() string {
	if t.dropped {
		return t.head.String() + "\n…\n" + t.last.String()
	}
	return t.head.String() + t.last.String()
}

// outOfSpace tells whether a program failed for want of disk. The message is
// the one of strerror in the C locale.
func outOfSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		err != nil && (strings.Contains(err.Error(), "No space left on device") || strings.Contains(err.Error(), "Disk quota exceeded"))
}
