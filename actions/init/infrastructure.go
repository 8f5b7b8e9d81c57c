package scaffold

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/platform"
)

type server struct {
	kind, image string
	guess       string // why, where no compose file says so
}

type variable struct{ name, format string }

// kinds of infrastructure, in the order they are written: how their images and
// the packages that talk to them are called.
var kinds = []struct {
	kind, image, variable, format string
	images, packages              []string
}{
	{"postgres", "postgres:17", "DATABASE_URL", "postgres-url", []string{"postgres", "postgis", "pgvector", "timescaledb"}, []string{"pg", "postgres", "drizzle-orm", "@prisma/client"}},
	{"clickhouse", "clickhouse/clickhouse-server:25.8", "CLICKHOUSE_URL", "http-url", []string{"clickhouse-server", "clickhouse"}, []string{"@clickhouse/client", "clickhouse"}},
	{"redis", "redis:8", "REDIS_URL", "redis-url", []string{"redis", "valkey"}, []string{"redis", "ioredis", "@redis/client"}},
	{"nats", "nats:2.12", "NATS_URL", "nats-url", []string{"nats"}, []string{"nats", "@nats-io/transport-node"}},
}

func kindOf(image string) (string, bool) {
	name, _, _ := strings.Cut(path.Base(image), ":")
	name, _, _ = strings.Cut(name, "@")
	for _, k := range kinds {
		if slices.Contains(k.images, name) {
			return k.kind, true
		}
	}
	return "", false
}

// readInfrastructure trusts the compose file; without one it goes by the
// packages that services depend on.
func readInfrastructure(f files, c compose, w *platform.Workspace) []server {
	var servers []server
	for _, k := range kinds {
		s := server{kind: k.kind, image: k.image}
		for _, cs := range c.services {
			if kind, ok := kindOf(cs.image); ok && kind == k.kind {
				if platform.ValidImage(cs.image) {
					s.image = cs.image
				} else {
					s.guess = "the compose file takes the image from a variable"
				}
				servers = append(servers, s)
				break
			}
		}
		if len(c.services) > 0 || w == nil {
			continue
		}
		if where := dependsOn(f, w, k.packages); where != "" {
			s.guess = "from the dependencies in " + where
			servers = append(servers, s)
		}
	}
	return servers
}

// dependsOn returns the first package.json with one of the packages.
func dependsOn(f files, w *platform.Workspace, packages []string) string {
	names := []string{"package.json"}
	for _, p := range w.Packages {
		if p.Dir != "." {
			names = append(names, p.Dir+"/package.json")
		}
	}
	for _, name := range names {
		var manifest struct {
			Dependencies map[string]string `json:"dependencies"`
		}
		if json.Unmarshal(f.read(name), &manifest) != nil {
			continue
		}
		for _, p := range packages {
			if manifest.Dependencies[p] != "" {
				return name
			}
		}
	}
	return ""
}

// readVariables are the addresses of infrastructure, and what Deployments take
// from a Secret.
func readVariables(servers []server, o objects) []variable {
	var variables []variable
	known := map[string]bool{}
	for _, k := range kinds {
		if slices.ContainsFunc(servers, func(s server) bool { return s.kind == k.kind }) {
			variables = append(variables, variable{k.variable, k.format})
			known[k.variable] = true
		}
	}
	for _, w := range o.workloads {
		for _, name := range w.secrets {
			if known[name] || !platform.ValidVariable(name) {
				continue
			}
			known[name] = true
			format := "string"
			for _, k := range kinds { // of a server that runs in the cluster only
				if k.variable == name {
					format = k.format
				}
			}
			variables = append(variables, variable{name, format})
		}
	}
	return variables
}
