package sandbox

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// needs makes this machine lack those packages, and have one more.
func needs(t *testing.T, names ...string) {
	t.Helper()
	all := packages
	t.Cleanup(func() { packages = all })
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	packages = append(packages[:0:0], struct{ name, file string }{"there", there})
	for _, name := range names {
		packages = append(packages, struct{ name, file string }{name, there + "/not"})
	}
}

func TestLackingPackages(t *testing.T) {
	needs(t, "runc", "prometheus")
	if got := lacking(); !slices.Equal(got, []string{"runc", "prometheus"}) {
		t.Errorf("lacks %v", got)
	}
	needs(t)
	if got := lacking(); len(got) > 0 {
		t.Errorf("lacks %v", got)
	}
	if err := installPackages(t.Context(), NewLog(io.Discard, false)); err != nil {
		t.Errorf("with nothing to install: %v", err)
	}
}

// Who has no root, or no apt, is told what to ask for.
func TestPackagesAreTheHint(t *testing.T) {
	needs(t, "runc", "prometheus")
	t.Setenv("PATH", t.TempDir()) // without apt-get
	for name, err := range map[string]error{
		"without root": needsRoot(lacking()),
		"without apt":  installPackages(t.Context(), NewLog(io.Discard, false)),
	} {
		var h *Hint
		if !errors.As(err, &h) || !strings.HasSuffix(h.Hint, ": runc prometheus") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var h *Hint
	if err := needsRoot(nil); !errors.As(err, &h) || h.Hint != "sudo -E go run ./testenv up" {
		t.Errorf("with all packages there: %v", err)
	}
}
