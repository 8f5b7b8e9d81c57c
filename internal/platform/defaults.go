package platform

import (
	"strings"
	"time"
)

// What a slipway.yaml does not say.
const (
	DefaultToolchain = "node:22-bookworm-slim"
	DefaultBase      = "gcr.io/distroless/nodejs22-debian12:nonroot"
	DefaultHealth    = "/health"
	DefaultDatabase  = "DATABASE_URL"
	DefaultJournal   = "drizzle.__drizzle_migrations"
	DefaultSettle    = 10 * time.Second
)

// DefaultInstallInputs are the files an installation depends on, as patterns.
var DefaultInstallInputs = []string{
	"pnpm-lock.yaml", "pnpm-workspace.yaml", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock",
	".npmrc", ".pnpmfile.cjs", ".pnpmfile.mjs", ".yarnrc", ".yarnrc.yml", ".yarn/releases/**", ".yarn/plugins/**", ".yarn/patches/**", "patches/**", "**/package.json",
}

// infrastructure holds the known kinds, and what is usual for each.
var infrastructure = map[string]Infrastructure{
	"postgres":   {Port: 5432, Variable: DefaultDatabase},
	"clickhouse": {Port: 8123, Variable: "CLICKHOUSE_URL"},
	"redis":      {Port: 6379, Variable: "REDIS_URL"},
	"nats":       {Port: 4222, Variable: "NATS_URL"},
}

// InfrastructureKinds are the servers that Slipway knows how to ask.
func InfrastructureKinds() []string { return sortedKeys(infrastructure) }

func (p *Platform) fillDefaults() {
	fill(&p.Toolchain.Image, DefaultToolchain)
	if p.Toolchain.Manifests == nil {
		p.Toolchain.Manifests = DefaultInstallInputs
	}
	for name, check := range p.Checks {
		fill(&check.Affected, check.Run)
		p.Checks[name] = check
	}
	for kind, server := range p.Infrastructure {
		if server.Port == 0 {
			server.Port = infrastructure[kind].Port
		}
		fill(&server.Variable, infrastructure[kind].Variable)
		p.Infrastructure[kind] = server
	}
	if p.Verify.Settle == nil {
		p.Verify.Settle = &Duration{DefaultSettle}
	}
	if logs := p.Verify.Logs; logs != nil && logs.Levels == nil {
		logs.Levels = []string{"error", "fatal"}
	}
	if p.Verify.Metrics != nil {
		p.Verify.Metrics.fillDefaults()
	}
	p.Watch.fillDefaults()
	for i := range p.Verify.Inside {
		p.Verify.Inside[i].fillDefaults("")
	}
	if p.Database != nil {
		fill(&p.Database.URL, DefaultDatabase)
		fill(&p.Database.Journal, DefaultJournal)
		fill(&p.Database.OnFailure, Keep)
	}
	for i := range p.Variables {
		fill(&p.Variables[i].Format, "string")
		if p.Variables[i].Secret == nil {
			secret := true
			p.Variables[i].Secret = &secret
		}
	}
	for i := range p.Services {
		p.Services[i].fillDefaults(p.Toolchain.Install == "")
	}
	for name, environment := range p.Environments {
		fill(&environment.Kubeconfig, "KUBECONFIG")
		// With its own name in it, for environments that share a cluster.
		fill(&environment.Namespace, p.Name+"-"+name)
		if environment.History == 0 {
			environment.History = 50
		}
		environment.Gate.fillDefaults(name)
		environment.GitHub.fillDefaults(name)
		for i := range environment.Notify {
			environment.Notify[i].fillDefaults()
		}
		p.Environments[name] = environment
	}
}

func (s *Service) fillDefaults(pnpm bool) {
	fill(&s.Health, DefaultHealth)
	for _, hook := range []*Command{s.Hooks.Before, s.Hooks.After} {
		if hook != nil {
			hook.fillDefaults(s.Name)
		}
	}
	if s.Image.FromWorkspace() {
		fill(&s.Image.Base, DefaultBase)
		if s.Image.Command == nil {
			s.Image.Command = []string{"dist/main.js"}
		}
	}
	if s.Path != "" && pnpm {
		fill(&s.Dev, "pnpm --filter ./"+strings.TrimPrefix(s.Path, "./")+" dev")
	}
}

func (c *Command) fillDefaults(service string) {
	fill(&c.Service, service)
	if c.Timeout.Duration == 0 {
		c.Timeout.Duration = 5 * time.Minute
	}
}

// fillFlows needs the order, and so what was validated.
func (p *Platform) fillFlows() {
	for i := range p.Flows {
		if len(p.Order) > 0 {
			fill(&p.Flows[i].Service, p.Order[0])
		}
		for j := range p.Flows[i].Steps {
			step := &p.Flows[i].Steps[j]
			if step.Body != nil {
				fill(&step.Method, "POST")
			}
			fill(&step.Method, "GET")
			fill(&step.Name, step.Method+" "+step.Path)
			if step.Status == 0 {
				step.Status = 200
			}
		}
	}
}

func fill(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// FromWorkspace tells that the image is made from the service's workspace package.
func (i Image) FromWorkspace() bool { return i.Dockerfile == "" && i.Reference == "" }

// IsSecret tells that the variable's value must never be shown.
func (v Variable) IsSecret() bool { return v.Secret == nil || *v.Secret }

// DefaultPort is the usual port of a kind of infrastructure, and 0 for no kind.
func DefaultPort(kind string) int { return infrastructure[kind].Port }
