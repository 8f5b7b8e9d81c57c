package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/teei/slipway/internal/kube"
)

// kubectl releases the services the way people do without Slipway.
func (s *stage) kubectl(ctx context.Context) (time.Duration, error) {
	objects, err := s.changed("kubectl")
	if err != nil {
		return 0, err
	}
	return s.loop(ctx, objects)
}

// loop releases these objects by kubectl.
func (s *stage) loop(ctx context.Context, objects []*kube.Object) (time.Duration, error) {
	// What belongs to a service has its name; the rest comes first.
	lists := map[string][]*kube.Object{}
	for _, obj := range objects {
		name := "rest"
		for _, service := range s.services {
			if obj.GetName() == service.Name {
				name = service.Name
			}
		}
		lists[name] = append(lists[name], obj)
	}
	files := map[string]string{}
	for name, list := range lists {
		data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": list})
		if err != nil {
			return 0, err
		}
		files[name] = filepath.Join(s.scratch, "kubectl-"+name+".json")
		if err := os.WriteFile(files[name], data, 0o600); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	if file, ok := files["rest"]; ok {
		if err := s.kube(ctx, "apply", "--filename", file); err != nil {
			return 0, err
		}
	}
	for _, service := range s.services {
		if err := s.kube(ctx, "apply", "--filename", files[service.Name]); err != nil {
			return 0, err
		}
		if err := s.kube(ctx, "rollout", "status", "deployment/"+service.Name, "--timeout=3m"); err != nil {
			return 0, fmt.Errorf("%s: %w", service.Name, err)
		}
	}
	return time.Since(start), nil
}

func (s *stage) kube(ctx context.Context, args ...string) error {
	c := command{
		name: "kubectl", dir: s.scratch, env: []string{"KUBECONFIG=" + s.env["KUBECONFIG"]},
		args: append([]string{filepath.Join(s.env["SLIPWAY_BIN"], "kubectl"), "--namespace", s.namespace}, args...),
	}
	_, _, err := s.run(ctx, c)
	return err
}
