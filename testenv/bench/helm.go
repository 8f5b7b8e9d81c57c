package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/teei/slipway/internal/kube"
)

// helmVersion is the newest Helm at the time this was written.
const helmVersion = "v4.3.1"

// installHelm builds Helm, which takes minutes the first time.
func (b *bench) installHelm(ctx context.Context) (string, error) {
	dir := filepath.Join(b.work, "helm-"+helmVersion)
	name := filepath.Join(dir, "helm")
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	b.say("  go install helm %s", helmVersion)
	_, _, err := b.run(ctx, command{name: "helm-install", dir: b.work, env: []string{"GOBIN=" + dir, "GOFLAGS="}, args: []string{"go", "install", "helm.sh/helm/v4/cmd/helm@" + helmVersion}})
	return name, err
}

// helm releases the services as people do with a chart for each: in order, each
// waited for. It works in a namespace of its own, since an object has one owner.
func (s *stage) helm(binary string) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		objects, err := s.changed("helm")
		if err != nil {
			return 0, err
		}
		return s.upgrade(ctx, binary, objects, "--timeout", "3m")
	}
}

// upgrade releases these objects by Helm, with more flags.
func (s *stage) upgrade(ctx context.Context, binary string, objects []*kube.Object, flags ...string) (time.Duration, error) {
	charts, err := s.charts(objects)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for _, service := range s.services {
		c := command{
			name: "helm", dir: s.scratch, env: []string{"KUBECONFIG=" + s.env["KUBECONFIG"], "HELM_CACHE_HOME=" + s.scratch, "HELM_DATA_HOME=" + s.scratch},
			args: append([]string{binary, "upgrade", "--install", service.Name, charts[service.Name], "--namespace", s.namespace, "--wait"}, flags...),
		}
		if _, _, err := s.run(ctx, c); err != nil {
			return 0, fmt.Errorf("%s: %w", service.Name, err)
		}
	}
	return time.Since(start), nil
}

// charts writes a chart for each service; what belongs to none goes with the first.
func (s *stage) charts(objects []*kube.Object) (map[string]string, error) {
	charts := map[string]string{}
	for i, service := range s.services {
		dir := filepath.Join(s.scratch, "chart-"+service.Name)
		if err := os.MkdirAll(filepath.Join(dir, "templates"), 0o755); err != nil {
			return nil, err
		}
		var text strings.Builder
		for _, obj := range objects {
			if obj.GetName() != service.Name && (i > 0 || s.names()[obj.GetName()]) {
				continue
			}
			data, err := json.Marshal(obj.Object)
			if err != nil {
				return nil, err
			}
			// Braces of ours are no template's.
			text.WriteString("---\n" + strings.ReplaceAll(string(data), "{{", `{{ "{{" }}`) + "\n")
		}
		for name, content := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + service.Name + "\nversion: 1.0.0\n", "templates/all.yaml": text.String()} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				return nil, err
			}
		}
		charts[service.Name] = dir
	}
	return charts, nil
}

func (s *stage) names() map[string]bool {
	names := map[string]bool{}
	for _, service := range s.services {
		names[service.Name] = true
	}
	return names
}
