package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
)

// A server is one of the platform's infrastructure, started for a suite alone.
type server struct {
	Kind     string
	Host     string // name it is bound under
	Variable string // that holds its URL
	URL      *dagger.Secret
	Service  *dagger.Service
}

// servers prepares what a suite needs, as services that it alone uses. Their
// passwords are new in every run.
func (p *pipeline) servers(ctx context.Context, suite string, kinds []string) ([]server, error) {
	var servers []server
	for _, kind := range kinds {
		in, ok := p.platform.Infrastructure[kind]
		if !ok {
			continue
		}
		password := p.password(suite + "-" + kind)
		c, err := p.prepare(ctx, kind, p.dag.Container().From(in.Image), p.dag.SetSecret("server-"+suite+"-"+kind, password))
		if err != nil {
			return nil, err
		}
		c = c.WithEnvVariable("SLIPWAY_SUITE", suite). // makes it another service than that of other suites
			// Asked by a real query: an open port says little, and for one that
			// never opens the engine would wait for ever.
			WithExposedPort(in.Port, dagger.ContainerWithExposedPortOpts{ExperimentalSkipHealthcheck: true})
		s := server{Kind: kind, Host: kind, Variable: in.Variable, Service: c.AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})}
		s.URL = p.dag.SetSecret("url-"+suite+"-"+kind, serverURL(kind, s.Host, in.Port, password))
		servers = append(servers, s)
	}
	return servers, nil
}

const serverName = "slipway" // of the user and the database in servers of ours

// prepare tells an image what to set up, in the words of the official ones.
func (p *pipeline) prepare(ctx context.Context, kind string, c *dagger.Container, password *dagger.Secret) (*dagger.Container, error) {
	switch kind {
	case "postgres":
		return p.initialised(ctx, c, password)
	case "clickhouse":
		// The default user of a ClickHouse image that is told nothing may only
		// connect from inside; this one lets it in.
		c = c.WithEnvVariable("CLICKHOUSE_SKIP_USER_SETUP", "1")
	}
	return c, nil
}

// initialised is a PostgreSQL that has made its first database before it starts:
// the engine keeps that for all suites and runs. Its password there is none that
// counts; a suite's is set as its server starts, by PostgreSQL's single-user mode.
func (p *pipeline) initialised(ctx context.Context, c *dagger.Container, password *dagger.Secret) (*dagger.Container, error) {
	entrypoint, err := c.Entrypoint(ctx)
	if err != nil {
		return nil, explain("start postgres", err)
	}
	if p.options.NoCache {
		c = c.WithEnvVariable("SLIPWAY_RUN", p.run)
	}
	c = c.WithEnvVariable("POSTGRES_USER", serverName).WithEnvVariable("POSTGRES_DB", serverName).
		// Nothing in it outlives the suite, so nothing has to reach a disk.
		WithEnvVariable("POSTGRES_INITDB_ARGS", "--no-sync").
		WithEnvVariable("POSTGRES_PASSWORD", "replaced before anybody can connect").
		// The entrypoint makes a database for whatever postgres is asked; this one says its port, and ends.
		WithExec([]string{"postgres", "-C", "port"}, dagger.ContainerWithExecOpts{UseEntrypoint: true}).
		WithoutEnvVariable("POSTGRES_PASSWORD")
	if _, err := c.Sync(ctx); err != nil {
		var failed *dagger.ExecError
		if errors.As(err, &failed) {
			return nil, &platform.InfrastructureError{
				Message: fmt.Sprintf("postgres did not make its first database: exit code %d, %s", failed.ExitCode, strings.Join(lastLines(joinOutput(failed.Stdout, failed.Stderr), 1), "")),
				Advice:  serverAdvice,
			}
		}
		return nil, explain("start postgres", err)
	}
	start := `printf "ALTER ROLE ` + serverName + ` PASSWORD '%s'\n" "$POSTGRES_PASSWORD" | "$@" postgres --single postgres >/dev/null &&
exec "$@" postgres -c fsync=off -c full_page_writes=off -c synchronous_commit=off`
	return c.WithSecretVariable("POSTGRES_PASSWORD", password).
		WithEntrypoint(append([]string{"sh", "-c", start, "sh"}, entrypoint...)).WithDefaultArgs(nil), nil
}

func serverURL(kind, host string, port int, password string) string {
	u := url.URL{Host: fmt.Sprintf("%s:%d", host, port)}
	switch kind {
	case "postgres":
		u.Scheme, u.User, u.Path, u.RawQuery = "postgres", url.UserPassword(serverName, password), "/"+serverName, "sslmode=disable"
	case "clickhouse":
		u.Scheme, u.Path = "http", "/default"
	case "redis":
		u.Scheme, u.Path = "redis", "/0"
	case "nats":
		u.Scheme = "nats"
	}
	return u.String()
}

// bind puts servers within reach of a container, with the variables that say where.
func bind(c *dagger.Container, servers []server) *dagger.Container {
	for _, s := range servers {
		c = c.WithServiceBinding(s.Host, s.Service).WithSecretVariable(s.Variable, s.URL)
	}
	return c
}

// withVariables sets what the platform requires and no server provides: tokens
// and keys, new in every run, unless the check gives them.
func (p *pipeline) withVariables(c *dagger.Container, servers []server, given map[string]string) *dagger.Container {
	for _, v := range p.platform.Variables {
		if _, ok := given[v.Name]; ok {
			continue
		}
		if slices.ContainsFunc(servers, func(s server) bool { return s.Variable == v.Name }) || p.serves(v.Name) {
			continue
		}
		c = c.WithSecretVariable(v.Name, p.dag.SetSecret("variable-"+v.Name, invented(v, p.password("variable-"+v.Name))))
	}
	return c
}

// serves tells that a server of the platform provides the variable.
func (p *pipeline) serves(variable string) bool {
	for _, in := range p.platform.Infrastructure {
		if in.Variable == variable {
			return true
		}
	}
	return false
}

// invented is a value that a check can live with.
func invented(v platform.Variable, random string) string {
	switch v.Format {
	case "url", "http-url":
		return "http://127.0.0.1:9/"
	}
	for len(random) < v.MinLength {
		random += random
	}
	return random
}

// password returns the one of that name in this run.
func (p *pipeline) password(name string) string {
	p.secretsMu.Lock()
	defer p.secretsMu.Unlock()
	if p.secrets[name] == "" {
		p.secrets[name] = rand.Text() + rand.Text()
	}
	return p.secrets[name]
}
