package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/sandbox"
)

// stage is a namespace with the sample platform in it, and a database.
type stage struct {
	*bench
	namespace, database string
	cluster             *kube.Cluster
	objects             []*kube.Object
	services            []rollout.Service
	changes             int
}

// stage makes the images and the first release by each of those who release
// there, none of which counts.
func (b *bench) stage(ctx context.Context, name string, first ...func(*stage) func(context.Context) (time.Duration, error)) (s *stage, err error) {
	kubeconfig, err := os.ReadFile(b.env["KUBECONFIG"])
	if err != nil {
		return nil, err
	}
	s = &stage{bench: b, namespace: "bench-" + name + "-" + b.id, database: "bench_" + name + "_" + b.id}
	if s.cluster, err = kube.Connect(ctx, kubeconfig, ""); err != nil {
		return nil, err
	}
	images, err := b.images(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.render(ctx, images); err != nil {
		return nil, err
	}
	made := s // not what is returned
	defer func() {
		if err != nil {
			made.close()
		}
	}()
	if err := s.furnish(ctx, images["migrate"]); err != nil {
		return nil, err
	}
	b.say("  the first release")
	for i, release := range first {
		roll := release(s)
		if i > 0 { // there are pods to replace
			roll = s.settled(roll)
		}
		if _, err := roll(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// The ways to release on a stage.
func bySlipway(s *stage) func(context.Context) (time.Duration, error) { return s.slipway }
func byKubectl(s *stage) func(context.Context) (time.Duration, error) { return s.kubectl }

// images has ci make and push them, and returns their references by digest.
func (b *bench) images(ctx context.Context) (map[string]string, error) {
	b.say("  ci images")
	if _, err := b.ci(ctx, b.root, "images"); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(b.work, "output", "report.json"))
	if err != nil {
		return nil, err
	}
	var r report.Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("read report.json: %w", err)
	}
	images := map[string]string{}
	for _, image := range r.Images {
		images[image.Service] = b.env["SLIPWAY_REGISTRY"] + "/" + image.Service + "@" + image.Digest
	}
	return images, nil
}

// render reads the manifests, with these images.
func (s *stage) render(ctx context.Context, images map[string]string) (err error) {
	names := map[string]string{} // as the manifests name them
	for _, service := range s.platform.Ordered() {
		names[path.Join(s.platform.Name, service.Name)] = images[service.Name]
		s.services = append(s.services, rollout.Service{Name: service.Name, Port: service.Port, Health: service.Health, Image: images[service.Name]})
	}
	from := kube.Source{Kustomize: filepath.Join(s.root, s.platform.Manifests.Kustomize)}
	if s.objects, err = kube.Render(ctx, from, kube.RenderOptions{Namespace: s.namespace, Images: names}); err != nil {
		return err
	}
	for _, obj := range s.objects {
		if obj.GetKind() == "ConfigMap" {
			// The sandbox has one NATS: events of this stage are for its own services.
			err = errors.Join(err, unstructured.SetNestedField(obj.Object, s.namespace, "data", "NATS_PREFIX"))
		}
	}
	return err
}

// furnish makes the database and the namespace, and runs the migrations.
func (s *stage) furnish(ctx context.Context, migrate string) error {
	if err := sandbox.MakeDatabase(ctx, s.database); err != nil {
		return err
	}
	values, err := sandbox.Variables(s.database)
	if err != nil {
		return err
	}
	if err := sandbox.MakeNamespace(ctx, s.namespace, values); err != nil {
		return err
	}
	job := fmt.Sprintf(`{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}, "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 0,
		"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "migrate", "image": %q, "envFrom": [{"secretRef": {"name": %q}}]}]}}}}`, migrate, sandbox.SecretName)
	file := filepath.Join(s.scratch, "migrate.json")
	if err := os.WriteFile(file, []byte(job), 0o644); err != nil {
		return err
	}
	if err := s.kube(ctx, "create", "--filename", file); err != nil {
		return err
	}
	return s.kube(ctx, "wait", "--for=delete", "job/migrate", "--timeout=3m")
}

// settled lets a rollout begin only when the pods of the one before are gone.
func (s *stage) settled(roll func(context.Context) (time.Duration, error)) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		limited, stop := context.WithTimeout(ctx, 2*time.Minute)
		defer stop()
		changed := make(chan struct{}, 1)
		pods, err := kube.Follow[corev1.Pod](limited, s.cluster, kube.Pods, s.namespace, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		if err != nil {
			return 0, err
		}
		for len(pods.List()) != len(s.services) {
			select {
			case <-changed:
			case <-limited.Done():
				return 0, fmt.Errorf("wait for %d pods in %s: there are %d: %w", len(s.services), s.namespace, len(pods.List()), limited.Err())
			}
		}
		return roll(ctx)
	}
}

// close removes all of it, also after Ctrl-C.
func (s *stage) close() {
	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
	defer stop()
	if err := errors.Join(sandbox.DropNamespace(ctx, s.namespace), sandbox.DropLedgers(ctx, s.namespace)); err != nil {
		s.say("left over: namespace %s, or its ledger: %v", s.namespace, err)
	}
	s.drop(s.database)
}
