package sandbox

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Where Docker brings the engine, `dagger run` still needs a CLI.
func TestBuildsWithoutEngine(t *testing.T) {
	t.Parallel()
	for withEngine, want := range map[bool][]string{
		true:  {"dagger-engine", "dagger-init", "cni/dnsname", "dagger", "cluster", "pause"},
		false: {"dagger", "cluster", "pause"},
	} {
		var got []string
		for _, b := range builds(withEngine) {
			got = append(got, b.out)
		}
		if !slices.Equal(got, want) {
			t.Errorf("with an engine %t: builds %v, want %v", withEngine, got, want)
		}
	}
}

// The CLI is told of the box's engine, and of none where there is none.
func TestCLIFindsTheEngine(t *testing.T) {
	t.Parallel()
	bins := Binaries(t.TempDir())
	const host = "RUNNER_HOST:=unix://" + engineSocket
	if script := cliScript(bins); strings.Contains(script, "RUNNER_HOST") || !strings.HasSuffix(script, "exec "+bins.path("dagger")+" \"$@\"\n") {
		t.Errorf("without an engine:\n%s", script)
	}
	if err := os.WriteFile(bins.path("dagger-engine"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if script := cliScript(bins); !strings.Contains(script, host) || !strings.Contains(script, cliMark) {
		t.Errorf("with an engine:\n%s", script)
	}
}
