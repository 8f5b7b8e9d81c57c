// Package testenv gives a test its private corner of the sandbox: a database,
// a namespace, a session of the Dagger engine. A test that asks for one fails,
// rather than skips, where no sandbox runs.
package testenv

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/sandbox"
)

// Env returns the sandbox's addresses, as its env file has them.
func Env(t testing.TB) map[string]string {
	t.Helper()
	values, err := platform.ReadEnvFile(sandbox.EnvFile)
	if err != nil {
		t.Fatalf("no sandbox runs on this machine: %v\nhint: go run ./testenv up", err)
	}
	return values
}

// Database makes an empty database for this test alone, owned by the
// platform's role, and returns its URL. It is dropped when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	Env(t)
	name := corner(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := sandbox.MakeDatabase(ctx, name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := sandbox.DropDatabase(ctx, name); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	values, err := sandbox.Variables(name)
	if err != nil {
		t.Fatal(err)
	}
	return values["DATABASE_URL"]
}

// Namespace makes an empty namespace for this test alone, with the secret that
// the sample's manifests refer to, and returns its name. It is deleted when the
// test ends, with all that is in it.
func Namespace(t testing.TB) string {
	t.Helper()
	values, err := sandbox.Variables("teei")
	if err != nil {
		t.Fatal(err)
	}
	return NamespaceWith(t, values)
}

// NamespaceWith is Namespace with these values in its secret.
func NamespaceWith(t testing.TB, values map[string]string) string {
	t.Helper()
	Env(t)
	name := strings.ReplaceAll(corner(t), "_", "-")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := sandbox.MakeNamespace(ctx, name, values); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := sandbox.DropNamespace(ctx, name); err != nil {
			t.Errorf("delete namespace %s: %v", name, err)
		}
	})
	return name
}

// Environment is the name of an environment that this test alone releases to.
// What the releases leave behind, their ledger, goes when the test ends.
func Environment(t testing.TB) string {
	t.Helper()
	Env(t)
	name := strings.ReplaceAll(corner(t), "_", "-")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := sandbox.DropLedgers(ctx, name); err != nil {
			t.Errorf("delete the ledger of %s: %v", name, err)
		}
	})
	return name
}

// Dagger points this process at the sandbox's engine: a dagger.Connect after it
// opens a session there. Tests that use it cannot be parallel with one another.
func Dagger(t *testing.T) {
	t.Helper()
	for name, value := range Env(t) {
		if strings.HasPrefix(name, "_EXPERIMENTAL_DAGGER_") {
			t.Setenv(name, value)
		}
	}
	t.Setenv("DO_NOT_TRACK", "1")
	t.Setenv("DAGGER_NO_NAG", "1")
}

// Kubectl runs the cluster's own kubectl against the sandbox and returns what
// it prints.
func Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := TryKubectl(t, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TryKubectl is Kubectl for what may fail, also in a test's cleanup.
func TryKubectl(t testing.TB, args ...string) (string, error) {
	t.Helper()
	env := Env(t)
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, filepath.Join(env["SLIPWAY_BIN"], "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+env["KUBECONFIG"])
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Tool builds a program of another module, pinned, and returns its path. It is
// built once and kept in the sandbox's cache.
func Tool(t testing.TB, module, version string) string {
	t.Helper()
	name, err := sandbox.Tool(t.Context(), module, version)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// corner names what belongs to one test: readable, and new each time.
func corner(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, t.Name())
	name = strings.Trim(name[:min(len(name), 30)], "_")
	return name + "_" + strings.ToLower(rand.Text()[:8])
}
