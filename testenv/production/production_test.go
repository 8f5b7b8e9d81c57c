package production

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// TestShow is `make production`, with people who press the buttons of its page:
// what they reject changes nothing and ends in an error, what they approve runs.
func TestShow(t *testing.T) {
	testenv.Env(t)
	t.Chdir("../..")
	var said strings.Builder
	version := time.Now().UTC().Format("20060102150405")
	programs := built(t)
	s := &show{
		ci: filepath.Join(programs, "ci"), slipway: filepath.Join(programs, "slipway"), root: "testenv/platform", address: "127.0.0.1:0",
		work: t.TempDir(), stdout: &said, run: 77,
	}
	s.edit = func(repository string) error { return errors.Join(s.install(programs), annotate(repository, version)) }
	began := time.Now()
	for _, part := range []func() error{
		func() error { return s.furnish(t.Context()) }, func() error { return s.images(t.Context()) }, func() error { return s.staging(t.Context()) },
	} {
		if err := part(); err != nil {
			t.Fatalf("%v\n%s", err, said.String())
		}
	}
	t.Logf("%s until staging has it", time.Since(began).Round(time.Second))
	in := []string{"--root", s.repository(), "--env", "production"}
	before, err := s.newest(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}

	said.Reset()
	s.decides = func(string) error { return s.press("vera", "rejected", "not on a Friday", "production") }
	if err := s.production(t.Context()); err == nil || !strings.Contains(said.String(), "vera rejected it: not on a Friday") {
		t.Errorf("rejected: %v\n%s", err, said.String())
	}
	if after, err := s.newest(t.Context(), in); err != nil || after != before || shown(t) == version {
		t.Errorf("rejected, and production is at #%d after #%d, version %s, %v", after, before, shown(t), err)
	}
	t.Logf("%s until it is rejected", time.Since(began).Round(time.Second))

	said.Reset()
	s.decides = func(digest string) error {
		if err := s.press("tom", "approved", "on call, "+digest[:12], "production-oncall"); err != nil {
			return err
		}
		return s.press("vera", "approved", digest[:12], "production")
	}
	if err := s.production(t.Context()); err != nil {
		t.Fatalf("approved: %v\n%s", err, said.String())
	}
	if after, err := s.newest(t.Context(), in); err != nil || after != before+1 || shown(t) != version {
		t.Errorf("approved, and production is at #%d after #%d, version %s, %v", after, before, shown(t), err)
	}
	for _, want := range []string{"✓ promotes: staging #", "✓ approval/leadership: approved by vera", "✓ approval/incident response: approved by tom", "11 services run what was released"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("nobody said %q:\n%s", want, said.String())
		}
	}
	t.Logf("%s in all", time.Since(began).Round(time.Second))
}

// built is a folder with both programs of this repository.
func built(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, of := range map[string]string{"ci": "./ci", "slipway": "./actions"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(folder, name), of)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return folder
}

// install gives the runner these programs as a version that it has run before:
// building them for each step takes as long as all the rest.
func (s *show) install(programs string) error {
	const version = "v0.0.0"
	tools := filepath.Join(github.Dispatch{Cache: filepath.Join(s.dir, "act")}.Tools(), "slipway", version)
	return errors.Join(
		os.WriteFile(filepath.Join(s.dir, "slipway", "actions", "slipway.version"), []byte(version+"\n"), 0o644),
		os.MkdirAll(tools, 0o755), os.Symlink(programs, filepath.Join(tools, runtime.GOARCH)),
	)
}

// annotate changes one service of the sample, so that there is something to release
// whatever ran here before.
func annotate(repository, version string) error {
	file, err := os.OpenFile(filepath.Join(repository, "deploy/base/kustomization.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintf(file, `patches:
  - patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: discord-bot}
      spec: {template: {metadata: {annotations: {example.org/version: "%s"}}}}
`, version)
	return err
}

// shown is the version of that service in production.
func shown(t *testing.T) string {
	t.Helper()
	out, _ := testenv.TryKubectl(t, "--namespace", "teei-production", "get", "deployment", "discord-bot", "--ignore-not-found",
		"--output", `jsonpath={.spec.template.metadata.annotations.example\.org/version}`)
	return strings.TrimSpace(out)
}

// press is a button of the page, as a browser sends it.
func (s *show) press(user, state, comment, environment string) error {
	answer, err := http.PostForm(s.hub.URL+"/review", url.Values{
		"run": {fmt.Sprint(s.run)}, "user": {user}, "state": {state}, "comment": {comment}, "environment": {environment},
	})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s presses %s: %s: %s", user, state, answer.Status, text)
	}
	return nil
}
