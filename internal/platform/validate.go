package platform

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// CheckNames are the checks that exist, in the order they are shown.
var CheckNames = []string{"test", "e2e", "typecheck", "lint", "build"}

// validate reports all that the types alone cannot say. It looks at no other
// file: inspect does.
func validate(p *Platform, d *document) {
	d.required("", "name", "a name such as my-platform")
	d.text("name", p.Name, badLabel)
	d.text("registry", p.Registry, badRegistry)
	validateToolchain(p.Toolchain, d)
	for _, name := range sortedKeys(p.Checks) {
		validateCheck(name, p, d)
	}
	for _, kind := range sortedKeys(p.Infrastructure) {
		validateInfrastructure(kind, p.Infrastructure[kind], d)
	}
	if p.Database != nil {
		validateDatabase(p.Database, d)
	}
	validateVariables(p.Variables, d)
	validateServices(p, d)
	validateOrder(p, d)
	validateTogether(p, d)
	validateHooks(p, d)
	validateDeadlines(p, d)
	validateManifests(p.Manifests, d)
	validateLogs(p.Verify.Logs, d)
	validateMetrics(p.Verify.Metrics, d)
	validateWatch(p.Watch, d)
	validateFlows(p, d)
	for _, name := range sortedKeys(p.Environments) {
		validateEnvironment(name, p, d)
	}
	validatePlaces(p, d)
}

// validatePlaces refuses two environments in one namespace: each would take back
// what the other released.
func validatePlaces(p *Platform, d *document) {
	type place struct{ kubeconfig, context, namespace string }
	first := map[place]string{}
	for _, name := range sortedKeys(p.Environments) {
		e := p.Environments[name]
		if !isVariable(e.Kubeconfig) || e.Namespace == "" {
			continue // which is reported already
		}
		at := place{e.Kubeconfig, e.Context, e.Namespace}
		if other, taken := first[at]; taken {
			d.reportKey(join("environments", name), "namespace "+quote(e.Namespace)+" in the cluster of "+e.Kubeconfig+" is that of environment "+other+" already",
				"give one of them another namespace; where they are two clusters, name the variable of each: kubeconfig: "+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"_KUBECONFIG")
			continue
		}
		first[at] = name
	}
}

func validateLogs(logs *Logs, d *document) {
	if logs == nil {
		return
	}
	for i, level := range logs.Levels {
		d.text(item("verify.logs.levels", i), level, func(s string) string {
			if s == "" || s != strings.ToLower(s) {
				return "expected a level in small letters such as error, found " + quote(s)
			}
			return ""
		})
	}
	for at, patterns := range map[string][]string{"verify.logs.patterns": logs.Patterns, "verify.logs.allow": logs.Allow} {
		for i, pattern := range patterns {
			d.text(item(at, i), pattern, badPattern)
		}
	}
}

// sealKey is a public key of age: "age", 1, and 58 characters of Bech32.
var sealKey = regexp.MustCompile(`^age1[02-9ac-hj-np-z]{58}$`)

func badSealKey(s string) string {
	switch {
	case strings.HasPrefix(s, "AGE-SECRET-KEY-"):
		return "expected a public key such as age1…, found a private one: make a new pair, this one is known now"
	case !sealKey.MatchString(s):
		return "expected a public key of age such as age1…, found " + quote(s)
	}
	return ""
}

func badPattern(s string) string {
	if _, err := regexp.Compile(s); s == "" || err != nil {
		return "expected a regular expression such as ^panic:, found " + quote(s)
	}
	return ""
}

func validateToolchain(t Toolchain, d *document) {
	d.text("toolchain.image", t.Image, badImage)
	d.text("toolchain.packageManager", t.PackageManager, badPackageManager)
	d.paths("toolchain.manifests", t.Manifests)
	if t.PackageManager != "" && !strings.HasPrefix(t.PackageManager, "pnpm@") && t.Install == "" && badPackageManager(t.PackageManager) == "" {
		d.report("toolchain.packageManager", "install is missing, expected the command that installs, since this is not pnpm", "for example install: npm ci")
	}
}

func validateCheck(name string, p *Platform, d *document) {
	at, check := join("checks", name), p.Checks[name]
	if !slices.Contains(CheckNames, name) {
		d.reportKey(at, "unknown check "+quote(name)+", expected "+strings.Join(CheckNames, ", "), didYouMean(name, CheckNames))
	}
	d.required(at, "run", "a command such as npm test")
	for i, need := range check.Needs {
		if _, ok := p.Infrastructure[need]; !ok && !d.bad[item(join(at, "needs"), i)] {
			d.report(item(join(at, "needs"), i), "unknown infrastructure "+quote(need)+", expected one of this file's", hintFor(need, sortedKeys(p.Infrastructure), "add it under infrastructure"))
		}
	}
	for i, folder := range check.Cache {
		d.text(item(join(at, "cache"), i), folder, badPath)
	}
	for _, variable := range sortedKeys(check.Env) {
		if !isVariable(variable) {
			d.reportKey(join(join(at, "env"), variable), badVariable(variable), "")
		}
	}
}

func validateInfrastructure(kind string, server Infrastructure, d *document) {
	at := join("infrastructure", kind)
	if _, ok := infrastructure[kind]; !ok {
		kinds := sortedKeys(infrastructure)
		d.reportKey(at, "unknown infrastructure "+quote(kind)+", expected "+strings.Join(kinds, ", "), didYouMean(kind, kinds))
	}
	d.required(at, "image", "an image such as postgres:17")
	d.text(join(at, "image"), server.Image, badImage)
	d.port(join(at, "port"), server.Port)
	d.text(join(at, "variable"), server.Variable, badVariable)
}

func validateDatabase(db *Database, d *document) {
	d.text("database.url", db.URL, badVariable)
	d.required("database", "migrate", "a command such as pnpm db:migrate")
	d.required("database", "migrations", "the folder of the SQL files")
	d.path("database.migrations", db.Migrations)
	d.text("database.journal", db.Journal, func(s string) string {
		if !journalPattern.MatchString(s) {
			return "expected a table such as drizzle.__drizzle_migrations, found " + quote(s)
		}
		return ""
	})
	d.text("database.onFailure", db.OnFailure, oneOf(Keep, Restore))
}

func validateVariables(variables []Variable, d *document) {
	first := map[string]string{}
	for i, v := range variables {
		at := item("variables", i)
		d.required(at, "name", "the name of a variable such as API_KEY")
		d.text(join(at, "name"), v.Name, badVariable)
		d.unique(first, v.Name, join(at, "name"), "variable")
		d.text(join(at, "format"), v.Format, badFormat)
		if v.MinLength < 0 {
			d.report(join(at, "minLength"), "expected 0 or more characters", "")
		}
	}
}

func validateManifests(m Manifests, d *document) {
	if found := d.present("manifests", "kustomize", "files", "command"); len(found) > 1 {
		d.report("manifests", "expected one source, found "+strings.Join(found, " and "), "keep one of them")
	}
	d.path("manifests.kustomize", m.Kustomize)
	d.paths("manifests.files", m.Files)
	d.text("manifests.namespace", m.Namespace, badLabel)
	d.text("manifests.hooks", m.Hooks, oneOf(Refuse, Exclude))
}

func validateEnvironment(name string, p *Platform, d *document) {
	at, e := join("environments", name), p.Environments[name]
	if problem := badLabel(name); problem != "" || len(name) > 40 {
		d.reportKey(at, "bad name of an environment: expected at most 40 lower-case letters, digits and hyphens, found "+quote(name), "")
	}
	d.text(join(at, "namespace"), e.Namespace, badLabel)
	if !d.has(join(at, "namespace")) && len(e.Namespace) > 63 {
		d.reportKey(at, "the namespace "+e.Namespace+" would be longer than 63 characters", "say another one with namespace")
	}
	d.text(join(at, "kubeconfig"), e.Kubeconfig, badVariable)
	d.path(join(at, "overlay"), e.Overlay)
	d.text(join(at, "registry"), e.Registry, badRegistry)
	known := p.Required()
	for _, variable := range sortedKeys(e.Variables) {
		path := join(join(at, "variables"), variable)
		if !slices.Contains(known, variable) {
			d.reportKey(path, "unknown variable "+quote(variable)+", expected one that the platform requires", hintFor(variable, known, "add it under variables"))
		}
		d.text(path, e.Variables[variable], badVariable)
	}
	if history := join(at, "history"); d.has(history) && e.History < 2 && !d.bad[history] {
		d.report(history, fmt.Sprintf("expected 2 or more, the release that stands and the one before it, found %d", e.History), "")
	}
	for i, key := range e.SealBackups {
		d.text(item(join(at, "sealBackups"), i), key, badSealKey)
	}
	validateGate(join(at, "gate"), name, e.Gate, p, d)
	validateAcceptance(join(at, "acceptance"), e.Acceptance, d)
	validateGitHub(join(at, "github"), e.GitHub, d)
	for i, n := range e.Notify {
		validateNotification(item(join(at, "notify"), i), n, d)
	}
	if len(d.present("manifests", "kustomize", "files", "command")) == 0 && e.Overlay == "" {
		d.reportKey(at, "nothing to release, expected an overlay here or manifests for all environments", "for example overlay: deploy/overlays/"+name)
	}
}

// required are the variables that an environment must have a value for: those
// listed, and those that hold the addresses of infrastructure, database and Prometheus.
func (p *Platform) Required() []string {
	var names []string
	for _, v := range p.Variables {
		names = append(names, v.Name)
	}
	for _, kind := range sortedKeys(p.Infrastructure) {
		names = append(names, p.Infrastructure[kind].Variable)
	}
	if p.Database != nil {
		names = append(names, p.Database.URL)
	}
	if m := p.Verify.Metrics; m != nil {
		names = append(names, m.Prometheus)
	}
	var once []string
	for _, name := range names {
		if name != "" && !slices.Contains(once, name) {
			once = append(once, name)
		}
	}
	return once
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func didYouMean(name string, names []string) string { return hintFor(name, names, "") }

func hintFor(name string, names []string, otherwise string) string {
	if near := nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return otherwise
}
