package scaffold

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// page is YAML being written, with comments where a person wants them.
type page struct{ strings.Builder }

func (p *page) line(indent int, format string, args ...any) {
	p.WriteString(strings.TrimRight(strings.Repeat("  ", indent)+fmt.Sprintf(format, args...), " ") + "\n")
}

// section begins with an empty line and says what it is for.
func (p *page) section(comment, key string) {
	p.line(0, "")
	p.line(0, "# %s", comment)
	p.line(0, "%s", key)
}

// render writes the file. Sections that nothing was found for are there as
// comments, so that nobody has to look up how they are called.
func render(f *found) string {
	p := &page{}
	p.line(0, "# yaml-language-server: $schema=https://raw.githubusercontent.com/teei/slipway/main/internal/platform/slipway.schema.json")
	p.line(0, "# Written by `slipway init`. What the repository does not say is marked %s.", guessed)
	p.line(0, "version: 1")
	p.line(0, "name: %s", scalar(f.name))
	f.renderToolchain(p)
	f.renderChecks(p)
	f.renderInfrastructure(p)
	f.renderDatabase(p)
	f.renderServices(p)
	f.renderManifests(p)
	f.renderEnvironments(p)
	return p.String()
}

func (f *found) renderToolchain(p *page) {
	p.section("The container that checks run in.", "toolchain:")
	p.line(1, "image: %s", scalar(f.toolchain.image))
	if f.toolchain.packageManager != "" {
		p.line(1, "packageManager: %s%s", scalar(f.toolchain.packageManager), guess(f.toolchain.managerGuess))
	}
	if f.toolchain.install != "" {
		p.line(1, "install: %s", scalar(f.toolchain.install))
	} else if f.workspace == nil {
		p.line(1, "# install: what the checks need, for example npm ci")
	}
}

func (f *found) renderChecks(p *page) {
	if len(f.checks) == 0 {
		p.section("Commands that must succeed before a release: test, e2e, typecheck, lint and build.", "# checks:\n#   test: {run: make test}")
		return
	}
	p.section("Commands that must succeed before a release.", "checks:")
	for _, c := range f.checks {
		p.line(1, "%s:", c.name)
		p.line(2, "run: %s", scalar(c.run))
		if c.affected != "" {
			p.line(2, "affected: %s", scalar(c.affected))
		}
		if len(c.needs) > 0 {
			p.line(2, "needs: [%s]", strings.Join(c.needs, ", "))
		}
		if c.before != "" {
			p.line(2, "before: %s", scalar(c.before))
		}
	}
}

func (f *found) renderInfrastructure(p *page) {
	if len(f.infrastructure) == 0 {
		p.section("Servers the services talk to: postgres, clickhouse, redis and nats.", "# infrastructure:\n#   postgres: {image: \"postgres:17\"}")
	} else {
		p.section("Servers the services talk to; each check that needs one gets its own.", "infrastructure:")
		for _, s := range f.infrastructure {
			p.line(1, "%s:", s.kind)
			p.line(2, "image: %s%s", scalar(s.image), guess(s.guess))
		}
	}
	if len(f.variables) == 0 {
		return
	}
	p.section("What every environment must have a value for; secret unless it says secret: false.", "variables:")
	for _, v := range f.variables {
		p.line(1, "- name: %s", scalar(v.name))
		p.line(1, "  format: %s", scalar(v.format))
	}
}

func (f *found) renderDatabase(p *page) {
	if f.database == nil {
		p.section("The database that a release backs up and migrates.", "# database:\n#   migrate: npm run db:migrate\n#   migrations: migrations")
		return
	}
	p.section("The database that a release backs up and migrates.", "database:")
	p.line(1, "migrate: %s", scalar(f.database.migrate))
	p.line(1, "migrations: %s", scalar(f.database.migrations))
	if f.database.plan != "" {
		p.line(1, "plan: %s", scalar(f.database.plan))
	}
	if f.database.pkg != "" {
		p.line(1, "package: %s", scalar(f.database.pkg))
	}
}

func (f *found) renderServices(p *page) {
	p.section("The services, in the order they are released in.", "services:")
	for _, s := range f.services {
		p.line(1, "- name: %s", scalar(s.name))
		p.line(1, "  port: %d%s", s.port, guess(s.portGuess))
		if s.path != "" {
			p.line(1, "  path: %s%s", scalar(s.path), guess(s.imageGuess))
		}
		if s.health != "" {
			p.line(1, "  health: %s", scalar(s.health))
		}
		if s.dev != "" {
			p.line(1, "  dev: %s", scalar(s.dev))
		}
		if s.reference != "" {
			p.line(1, "  image: {reference: %s}", scalar(s.reference))
		} else if s.context != "" {
			p.line(1, "  image: {dockerfile: %s, context: %s}", scalar(s.dockerfile), scalar(s.context))
		} else if s.dockerfile != "" {
			p.line(1, "  image: {dockerfile: %s}", scalar(s.dockerfile))
		}
	}
}

func (f *found) renderManifests(p *page) {
	m := f.manifests
	switch {
	case m.kustomize != "":
		p.section("Where the Kubernetes objects come from.", "manifests:")
		p.line(1, "kustomize: %s", scalar(m.kustomize))
	case m.command != "":
		p.section("Where the Kubernetes objects come from. The command runs in the toolchain's image.", "manifests:")
		p.line(1, "command: %s%s", scalar(m.command), guess("check the values it is given"))
		p.line(1, "# Helm's hooks are left out, and each plan names them; Slipway has hooks of its own.")
		p.line(1, "hooks: exclude")
	case len(m.files) > 0:
		p.section("Where the Kubernetes objects come from.", "manifests:")
		p.line(1, "files:")
		for _, file := range m.files {
			p.line(2, "- %s", scalar(file))
		}
	default:
		p.section("Where the Kubernetes objects come from: kustomize, files or command.", "# manifests:\n#   files: [deploy/*.yaml]")
	}
	if m.namespace != "" {
		p.line(1, "# The objects name this one; each environment has its own.")
		p.line(1, "namespace: %s", scalar(m.namespace))
	}
	if m.hashed && (m.kustomize != "" || len(m.files) > 0) {
		p.line(1, "# A changed ConfigMap gets a new name: its pods are replaced, and going back finds the old one.")
		p.line(1, "hashed: true")
	}
}

func (f *found) renderEnvironments(p *page) {
	if len(f.environments) == 0 {
		p.section("Where `--env` releases to; without it, everything goes to the sandbox.", "# environments:\n#   staging:\n#     namespace: "+f.name+"\n#     kubeconfig: STAGING_KUBECONFIG")
		return
	}
	p.section("Where `--env` releases to; without it, everything goes to the sandbox.", "environments:")
	for _, e := range f.environments {
		p.line(1, "%s:", scalar(e.name))
		p.line(2, "namespace: %s%s", scalar(e.namespace), guess(e.namespaceGuess))
		p.line(2, "overlay: %s", scalar(e.overlay))
	}
	p.line(0, "")
	p.line(0, "# Where images are pushed to, for these environments.")
	p.line(0, "# registry: ghcr.io/my-team")
}

func guess(reason string) string {
	if reason == "" {
		return ""
	}
	return " # " + guessed + " " + reason
}

// scalar writes a value so that YAML reads the same text back, also between
// the braces of a flow mapping.
func scalar(s string) string {
	style := yaml.Style(0)
	if strings.ContainsAny(s, "\n\r\t") {
		style = yaml.DoubleQuotedStyle // in its place, one line is all there is
	} else if strings.ContainsAny(s, "{}[],") {
		style = yaml.SingleQuotedStyle
	}
	text, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: style})
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSuffix(string(text), "\n")
}
