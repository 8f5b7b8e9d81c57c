package scaffold

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/platform"
)

type toolchain struct{ image, packageManager, managerGuess, install string }

type check struct {
	name, run, affected, before string
	needs                       []string
}

type database struct{ migrate, plan, migrations, pkg string }

var (
	major        = regexp.MustCompile(`^v?(\d\d)(\.|$)`)
	exactManager = regexp.MustCompile(`^(pnpm|npm|yarn)@\d+\.\d+\.\d+`)
)

func readToolchain(f files, w *platform.Workspace) toolchain {
	t := toolchain{image: platform.DefaultToolchain}
	// Dot files are left out of the walk only where they are folders.
	for _, name := range []string{".nvmrc", ".node-version"} {
		if m := major.FindStringSubmatch(strings.TrimSpace(string(f.read(name)))); m != nil {
			t.image = "node:" + m[1] + "-bookworm-slim"
		}
	}
	if w == nil {
		return t
	}
	var top struct {
		PackageManager string `json:"packageManager"`
	}
	_ = json.Unmarshal(f.read("package.json"), &top) // ReadWorkspace read it already
	t.packageManager = exactManager.FindString(top.PackageManager)
	switch {
	case w.Manager == "pnpm" && t.packageManager == "":
		t.packageManager, t.managerGuess = "pnpm@10.34.8", "package.json names no packageManager"
	case w.Manager == "yarn" && strings.HasPrefix(t.packageManager, "yarn@1."), w.Manager == "yarn" && t.packageManager == "":
		t.install = "yarn install --frozen-lockfile"
	case w.Manager == "yarn":
		t.install = "corepack enable && yarn install --immutable"
	case w.Manager == "npm" && w.Lockfile != "":
		t.install = "npm ci"
	case w.Manager == "npm":
		t.install = "npm install"
	}
	return t
}

// scripts that each check is usually called by.
var scripts = map[string][]string{
	"test":      {"test", "test:unit"},
	"e2e":       {"test:e2e", "e2e"},
	"typecheck": {"typecheck", "type-check", "check-types", "tsc"},
	"lint":      {"lint"},
	"build":     {"build"},
}

func readChecks(f files, w *platform.Workspace, servers []server, db *database) []check {
	if w == nil {
		return nil
	}
	var checks []check
	for _, name := range platform.CheckNames {
		c := check{name: name}
		for _, script := range scripts[name] {
			inPackages := slices.ContainsFunc(w.Packages, func(p platform.Package) bool { return p.Dir != "." && real(p.Scripts[script]) })
			if c.run != "" || !real(w.Scripts[script]) && !inPackages {
				continue
			}
			c.run = run(w.Manager, script)
			if !real(w.Scripts[script]) {
				c.run = everywhere(w.Manager, script)
			}
			if c.affected = affectedBy(w.Manager, w.Scripts[script], script, inPackages); rootTasks(f, w.Scripts[script]) {
				c.affected = ""
			}
		}
		if c.run == "" {
			continue
		}
		if name == "test" || name == "e2e" {
			for _, s := range servers {
				c.needs = append(c.needs, s.kind)
				if s.kind == "postgres" && db != nil {
					c.before = db.migrate
				}
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// real leaves out what `npm init` writes into every package.json.
func real(script string) bool {
	return script != "" && !strings.Contains(script, "no test specified")
}

func run(manager, script string) string {
	if script == "test" || manager == "pnpm" || manager == "yarn" {
		return manager + " " + script
	}
	return manager + " run " + script
}

func everywhere(manager, script string) string {
	switch manager {
	case "pnpm":
		return "pnpm --recursive run " + script
	case "yarn":
		return "yarn workspaces run " + script
	}
	return "npm run " + script + " --workspaces --if-present"
}

// readDatabase needs both a script that migrates and a folder of migrations.
func readDatabase(f files, w *platform.Workspace) *database {
	if w == nil {
		return nil
	}
	sql := f.match("**/migrations/*.sql", "**/drizzle/*.sql", "migrations/*.sql", "drizzle/*.sql")
	if len(sql) == 0 {
		return nil
	}
	db := &database{migrations: path.Dir(sql[0])}
	owner, owned := w.Owner(sql[0])
	for _, script := range []string{"db:migrate", "migrate", "migrations:run"} {
		switch {
		case db.migrate != "":
		case real(w.Scripts[script]):
			db.migrate = run(w.Manager, script)
		case owned && real(owner.Scripts[script]):
			db.migrate = within(w.Manager, owner.Name, script)
		}
	}
	if db.migrate == "" {
		return nil
	}
	if owned {
		db.pkg = owner.Name
		if real(owner.Scripts["db:generate"]) {
			db.plan = within(w.Manager, owner.Name, "db:generate")
		}
	} else if real(w.Scripts["db:generate"]) {
		db.plan = run(w.Manager, "db:generate")
	}
	return db
}

func within(manager, pkg, script string) string {
	switch manager {
	case "pnpm":
		return "pnpm --filter " + pkg + " " + script
	case "yarn":
		return "yarn workspace " + pkg + " run " + script
	}
	return "npm run " + script + " --workspace " + pkg
}
