package main

import (
	"context"
	"time"
)

const checkText = `` + "`ci check`" + ` runs five checks of the sample platform (unit and end-to-end tests, types, lint, build) in containers, beside each other; each suite of tests
starts PostgreSQL, ClickHouse, Redis and NATS of its own. **Cold** begins with an engine that holds nothing, as on a new runner: base images come from the sandbox's mirror on the
same machine, pnpm and all packages from the registry of npm. **Cold, with images** is ` + "`--no-cache`" + `: all of it anew but the base images. **Warm** is the same sources again. **One line** is a comment added to ` + "`services/buddy-service/src/main.ts`" + `, another one each time.

**On the host** are the same five commands, one after the other, with the same versions of Node and pnpm, in a fresh copy of the sample, against the
sandbox's servers, which run already, with an empty database for each suite. Its packages are installed by ` + "`pnpm install --frozen-lockfile`" + ` from an empty store, as
cold ` + "`ci check`" + ` does; Node.js and the servers are there before. The second comparison with the host leaves the installation out on the host's side alone.`

// checks measures check: cold, warm, after a change of one line, and against
// the same commands on the host.
func checks(ctx context.Context, b *bench) (Result, error) {
	root, err := b.platformCopy("platform")
	if err != nil {
		return Result{}, err
	}
	if err := b.repository(ctx, root); err != nil {
		return Result{}, err
	}
	h, err := b.host(ctx)
	if err != nil {
		return Result{}, err
	}
	check := func(words ...string) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) {
			return b.ci(ctx, root, append([]string{"check"}, words...)...)
		}
	}
	oneLine := func(words ...string) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (took time.Duration, err error) {
			err = b.edited(root, "services/buddy-service/src/main.ts", func() (err error) {
				took, err = check(words...)(ctx)
				return err
			})
			return took, err
		}
	}
	// Afterwards all has passed, and is kept: that is what the others find.
	cold := func(ctx context.Context) (time.Duration, error) {
		if err := b.forget(ctx); err != nil {
			return 0, err
		}
		return check()(ctx)
	}
	var coldCores, hostCores []float64
	b.say("  once before, so that all has passed")
	if _, err := b.sample(ctx, check()); err != nil {
		return Result{}, err
	}
	t, err := b.interleave(ctx, b.long,
		variant{"warm", check()},
		variant{"one line", oneLine()},
		variant{"one line, --affected", oneLine("--affected")},
		variant{"cold", cold},
		variant{"cold, with images", cores(&coldCores, check("--no-cache"))},
		variant{"host", cores(&hostCores, h.checks)},
	)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Title: "check", Text: checkText,
		Comparisons: []Comparison{
			{Name: "warm / cold", Ratios: ratios(t["warm"], t["cold"]), Target: 0.03},
			{Name: "one line / cold", Ratios: ratios(t["one line"], t["cold"]), Target: 0.35},
			{Name: "one line, `--affected` / cold", Ratios: ratios(t["one line, --affected"], t["cold"]), Target: 0.35},
			{Name: "cold / on the host", Ratios: ratios(t["cold"], t["host"]), Target: 1, Strict: true},
			{Name: "cold, with images / on the host", Ratios: ratios(t["cold, with images"], t["host"]), Target: 1, Strict: true},
			{Name: "cold, with images / on the host, packages installed before", Ratios: ratios(t["cold, with images"], h.withoutInstall(t["host"])), Target: 1, Strict: true},
			{Name: "one line / cold, with images", Ratios: ratios(t["one line"], t["cold, with images"])},
		},
		Times: []Times{
			{Name: "cold", Seconds: t["cold"]}, {Name: "cold, with images", Seconds: t["cold, with images"]}, {Name: "warm", Seconds: t["warm"]}, {Name: "one line", Seconds: t["one line"]}, {Name: "one line, `--affected`", Seconds: t["one line, --affected"]},
			{Name: "on the host", Seconds: t["host"]}, {Name: "of it, installing packages", Seconds: h.installs},
			{Name: "cores busy, cold, with images", Seconds: coldCores, Unit: "cores"}, {Name: "cores busy, on the host", Seconds: hostCores, Unit: "cores"},
		},
	}, nil
}

// repository makes the copy one of git, for --affected to compare with.
func (b *bench) repository(ctx context.Context, root string) error {
	for _, args := range [][]string{
		{"git", "init", "--quiet", "--initial-branch=main"},
		{"git", "add", "--all"},
		{"git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=The sample platform"},
	} {
		if _, _, err := b.run(ctx, command{name: "git", dir: root, args: args}); err != nil {
			return err
		}
	}
	return nil
}

// cores notes how many of the machine's cores were busy while a run lasted: what
// keeps all of them busy one by one cannot be faster side by side.
func cores(into *[]float64, run func(context.Context) (time.Duration, error)) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		before, start := busy(), time.Now()
		took, err := run(ctx)
		if err == nil {
			*into = append(*into, (busy()-before)/time.Since(start).Seconds())
		}
		return took, err
	}
}
