package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// TestReleaseWorkflow publishes a version by act: of a Slipway whose programs do
// nothing, so that it takes seconds, with its real Makefile and workflows. What a
// tag names is built again, attested and published; a tag whose checksums are of
// other bytes is not.
func TestReleaseWorkflow(t *testing.T) {
	t.Parallel()
	d, path := github.Dispatch{
		Act: testenv.Tool(t, "github.com/nektos/act", "v0.2.89"), Repository: t.TempDir(), Artifacts: t.TempDir(), Cache: t.TempDir(),
		Workflow: ".github/workflows/release.yml", Event: "push", Payload: filepath.Join(t.TempDir(), "event.json"), Run: 77, Actor: "alice", Secrets: map[string]string{"GITHUB_TOKEN": "hub-token"},
	}, t.TempDir()
	var err error
	if d.Standins, err = filepath.Abs("../testenv/github/actions"); err != nil {
		t.Fatal(err)
	}
	write := func(folder, name, text string) {
		t.Helper()
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	commit := func(message string) {
		run(t, d.Repository, "git", "add", "--all")
		run(t, d.Repository, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--no-gpg-sign", "--message="+message)
	}
	for _, program := range []string{"docker", "gh"} {
		write(path, program, "#!/bin/sh\n[ \"$2\" = login ] || [ \"$1\" = login ] && cat > /dev/null\necho "+program+" \"$@\" >> \"$STANDIN_ARTIFACTS/asked\"\n")
	}
	run(t, "..", "cp", "-R", "Makefile", ".github", d.Repository)
	for name, text := range map[string]string{
		"go.mod": "module github.com/teei/slipway\n\ngo 1.26\n", ".gitignore": ".slipway/\n", "actions/gate/Dockerfile": "FROM scratch\n",
		"actions/main.go": "package main\n\nfunc main() {}\n", "ci/main.go": "package main\n\nfunc main() {}\n",
	} {
		write(d.Repository, name, text)
	}
	write(filepath.Dir(d.Payload), "event.json", `{"ref": "refs/tags/v1.2.3"}`)
	run(t, d.Repository, "git", "init", "--quiet", "--initial-branch=main")
	run(t, d.Repository, "git", "remote", "add", "origin", "https://github.com/Acme/slipway.git")
	run(t, d.Repository, "make", "release", "VERSION=v1.2.3")
	commit("v1.2.3")
	run(t, d.Repository, "make", "pin", "VERSION=v1.2.3")
	commit("pin")
	run(t, d.Repository, "git", "tag", "v1.2.3")

	publish := func() (string, error) {
		cmd, err := d.Command(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, "PATH="+path+":"+os.Getenv("PATH"))
		return follow(t, cmd, quiet)
	}
	if out, err := publish(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	asked, attested := read(t, filepath.Join(d.Artifacts, "asked")), read(t, filepath.Join(d.Artifacts, "attested"))
	for _, want := range []string{
		"docker login ghcr.io --username alice --password-stdin", "--tag ghcr.io/acme/slipway-gate:v1.2.3 .slipway/release",
		"gh release create v1.2.3 --verify-tag --generate-notes .slipway/release/ci-linux-amd64 .slipway/release/ci-linux-arm64 .slipway/release/ci.cdx.json .slipway/release/slipway-linux-amd64 .slipway/release/slipway-linux-arm64 .slipway/release/slipway.cdx.json actions/checksums.txt",
		"gh api -X PATCH repos/Acme/slipway/git/refs/tags/v1 -f sha=",
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("nobody asked for %q:\n%s", want, asked)
		}
	}
	for line := range strings.Lines(read(t, filepath.Join(d.Repository, "actions", "checksums.txt"))) {
		if sum, name, _ := strings.Cut(strings.TrimSpace(line), "  "); !strings.Contains(attested, sum+"  .slipway/release/"+name) {
			t.Errorf("%s of the tag is not what was attested:\n%s", name, attested)
		} else {
			program, _, _ := strings.Cut(name, "-")
			inside := program + ".cdx.json"
			said := read(t, filepath.Join(d.Artifacts, "attested-"+inside))
			if !strings.Contains(said, sum+"  .slipway/release/"+name) || !strings.Contains(said, "  .slipway/release/"+inside) {
				t.Errorf("what is in %s was not attested:\n%s", name, said)
			}
		}
	}

	write(d.Repository, "actions/main.go", "package main\n\nfunc main() { println(\"something else\") }\n")
	commit("after the checksums")
	if err := os.Remove(filepath.Join(d.Artifacts, "asked")); err != nil {
		t.Fatal(err)
	}
	out, err := publish()
	if _, missing := os.Stat(filepath.Join(d.Artifacts, "asked")); err == nil || missing == nil || !strings.Contains(out, "checksums.txt") {
		t.Errorf("other bytes than the tag's are published: %v\n%s", err, out)
	}
}
