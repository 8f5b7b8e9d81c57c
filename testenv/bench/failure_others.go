package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// otherWay releases objects without Slipway.
type otherWay func(ctx context.Context, s *stage, objects []*kube.Object) (time.Duration, error)

// otherFailures adds what Helm and a loop of kubectl do with a service that
// exits as it starts.
func (b *bench) otherFailures(ctx context.Context, r *Result) error {
	binary, err := b.installHelm(ctx)
	if err != nil {
		return err
	}
	for i, other := range []struct {
		name    string
		release otherWay
	}{
		{"Helm", func(ctx context.Context, s *stage, objects []*kube.Object) (time.Duration, error) {
			return s.upgrade(ctx, binary, objects, "--rollback-on-failure", "--timeout", "5m")
		}},
		{"loop of kubectl", func(ctx context.Context, s *stage, objects []*kube.Object) (time.Duration, error) {
			return s.loop(ctx, objects)
		}},
	} {
		goesOn, left, err := b.otherFailure(ctx, fmt.Sprintf("others-%d", i), other.release)
		if err != nil {
			return fmt.Errorf("%s: %w", other.name, err)
		}
		b.say("  %s: goes on for %.0f s, and %d of 6 services have the new version", other.name, goesOn.Seconds(), left)
		r.Limits = append(r.Limits, Limit{Name: other.name + ", goes on after the second exit for", Value: goesOn.Seconds(), Unit: "s"},
			Limit{Name: other.name + ", services that then have the new version", Value: float64(left)})
	}
	return nil
}

// otherFailure makes a good release and then a broken one.
func (b *bench) otherFailure(ctx context.Context, name string, release otherWay) (goesOn time.Duration, left int, err error) {
	good := func(s *stage) func(context.Context) (time.Duration, error) {
		return func(ctx context.Context) (time.Duration, error) {
			objects, err := s.changed("other")
			if err != nil {
				return 0, err
			}
			return release(ctx, s, objects)
		}
	}
	s, err := b.stage(ctx, name, good)
	if err != nil {
		return 0, 0, err
	}
	defer s.close()
	objects, err := s.broken("other", breakages[0])
	if err != nil {
		return 0, 0, err
	}
	sign, stop, err := s.watchFor(ctx, s.services[5].Name, breakages[0].decides)
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	_, err = s.settled(func(ctx context.Context) (time.Duration, error) { return release(ctx, s, objects) })(ctx)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || sign().IsZero() {
		return 0, 0, fmt.Errorf("%s was to fail of its second exit: %w", s.services[5].Name, err)
	}
	goesOn = time.Since(sign())
	left, err = s.haveNow(ctx, objects)
	return goesOn, left, err
}

// haveNow counts the Deployments whose template is the one of these objects.
func (s *stage) haveNow(ctx context.Context, objects []*kube.Object) (count int, err error) {
	at := []string{"spec", "template", "metadata", "annotations", "bench/other"}
	for _, obj := range objects {
		if obj.GetKind() != "Deployment" {
			continue
		}
		now, err := s.cluster.Read(ctx, obj)
		if err != nil {
			return 0, err
		}
		wanted, _, _ := unstructured.NestedString(obj.Object, at...)
		if has, _, _ := unstructured.NestedString(now.Object, at...); has == wanted {
			count++
		}
	}
	return count, nil
}
