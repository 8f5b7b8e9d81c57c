package scaffold

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/teei/slipway/internal/platform"
)

// compose is a compose file, as far as it matters.
type compose struct{ services []composeService }

type composeService struct {
	name, image         string
	built               bool
	context, dockerfile string
	port                int // inside the container
}

// readCompose reads the first compose file that Docker would.
func readCompose(f files) (compose, error) {
	var c compose
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"} {
		if len(f.match(name)) == 0 {
			continue
		}
		var file struct {
			Services yaml.Node `yaml:"services"`
		}
		if err := yaml.Unmarshal(f.read(name), &file); err != nil {
			return c, &platform.UsageError{Message: "read " + name + ": " + err.Error(), Advice: "`docker compose config` shows what is wrong"}
		}
		for i := 0; i+1 < len(file.Services.Content); i += 2 { // in the file's order
			c.services = append(c.services, readComposeService(file.Services.Content[i].Value, file.Services.Content[i+1]))
		}
		break
	}
	return c, nil
}

func readComposeService(name string, n *yaml.Node) composeService {
	var raw struct {
		Image  string    `yaml:"image"`
		Build  yaml.Node `yaml:"build"`
		Ports  []any     `yaml:"ports"`
		Expose []any     `yaml:"expose"`
	}
	_ = n.Decode(&raw) // what it lacks is guessed
	s := composeService{name: name, image: raw.Image, built: !raw.Build.IsZero(), context: "."}
	switch raw.Build.Kind {
	case yaml.ScalarNode:
		s.context = raw.Build.Value
	case yaml.MappingNode:
		var build struct {
			Context    string `yaml:"context"`
			Dockerfile string `yaml:"dockerfile"`
		}
		_ = raw.Build.Decode(&build)
		s.context, s.dockerfile = first(build.Context, "."), build.Dockerfile
	}
	for _, p := range append(raw.Ports, raw.Expose...) {
		if s.port == 0 {
			s.port = containerPort(p)
		}
	}
	return s
}

// containerPort reads 8080, "80:8080", "127.0.0.1:80:8080/tcp" and {target: 8080}.
func containerPort(v any) int {
	switch v := v.(type) {
	case int:
		if platform.ValidPort(v) {
			return v
		}
	case string:
		text, _, _ := strings.Cut(v[strings.LastIndex(v, ":")+1:], "/")
		port, err := strconv.Atoi(text)
		if err == nil && platform.ValidPort(port) {
			return port
		}
	case map[string]any:
		return containerPort(v["target"])
	}
	return 0
}
