package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Tool builds a program of another project, once for each version, and returns
// where it lies.
func Tool(ctx context.Context, module, version string) (string, error) {
	dir := filepath.Join(CacheDir, "tools", filepath.Base(module)+"-"+version)
	name := filepath.Join(dir, filepath.Base(module))
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", module+"@"+version)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s@%s: %w\n%s", module, version, err, out)
	}
	return name, nil
}
