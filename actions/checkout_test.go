package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// checkout is a team's repository, the binary of slipway, and an environment
// that only this test has.
type checkout struct {
	*testing.T
	dir, environment, namespace string
	variables                   []string // of the shell
}

// owner is whose releases they are.
func (c *checkout) owner() platform.Owner {
	return platform.Owner{Platform: "shop", Environment: c.environment, Namespace: c.namespace}
}

func newCheckout(t *testing.T, variables ...string) *checkout {
	t.Helper()
	c := &checkout{T: t, dir: t.TempDir(), environment: testenv.Environment(t), namespace: testenv.Namespace(t)}
	c.variables = append(variables, "TEST_KUBECONFIG="+testenv.Env(t)["KUBECONFIG"], "GITHUB_OUTPUT="+filepath.Join(c.dir, "outputs"))
	run(t, "..", "go", "build", "-o", filepath.Join(c.dir, "slipway"), "./actions")
	c.write("slipway.yaml", anothersRepository["slipway.yaml"])
	c.write("images.json", anothersRepository["images.json"])
	return c
}

// write writes a file of the repository; words in capitals become what they stand for.
func (c *checkout) write(name, text string) {
	c.Helper()
	file := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		c.Fatal(err)
	}
	text = strings.NewReplacer("ENVIRONMENT", c.environment, "NAMESPACE", c.namespace, "STRATEGY", "RollingUpdate", "READY", "true", "SLOW", "0").Replace(text)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

// slipway runs a command, which must end with the exit code wanted, and returns
// what it said.
func (c *checkout) slipway(want int, args ...string) string {
	c.Helper()
	cmd := c.command(args...)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		c.Fatalf("%s: exit code %d, want %d\n%s", args, code, want, out)
	}
	return string(out)
}

// command is one of slipway's, not begun yet.
func (c *checkout) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.dir, "slipway"), append(args, "--root", c.dir, "--env", c.environment)...)
	cmd.Env, cmd.Dir = append(os.Environ(), c.variables...), c.dir
	return cmd
}

// release plans a version and applies it.
func (c *checkout) release(version string, planning ...string) {
	c.Helper()
	c.write("deploy.yaml", strings.ReplaceAll(cancelledManifest, "$version", version))
	c.slipway(0, append([]string{"plan", "--images", "images.json"}, planning...)...)
	c.slipway(0, "apply", "--approval", approvalIn(c.T, filepath.Join(c.dir, "outputs")))
}

// version is what the cluster runs.
func (c *checkout) version() string {
	return testenv.Kubectl(c, "--namespace", c.namespace, "get", "deployment", "web", "--output", "jsonpath={.spec.template.spec.containers[0].env[0].value}")
}
