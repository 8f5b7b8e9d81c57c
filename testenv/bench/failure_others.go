package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// otherWay releases objects without Slipway.
type otherWay func(ctx context.Context, s *stage, objects []*kube.Object) (time.Duration, error)

// others is how often the others fail; each time takes minutes.
const others = 5

// other is a stage that is released to without Slipway, and what was measured.
type other struct {
	*stage
	name       string
	release    otherWay
	goOn, left []float64 // seconds, services
}

// otherFailures adds what Helm and a loop of kubectl do with a service that
// exits as it starts. They fail beside each other: both do little but wait.
func (b *bench) otherFailures(ctx context.Context, r *Result) error {
	binary, err := b.installHelm(ctx)
	if err != nil {
		return err
	}
	both := []*other{
		{name: "Helm", release: func(ctx context.Context, s *stage, objects []*kube.Object) (time.Duration, error) {
			return s.upgrade(ctx, binary, objects, "--rollback-on-failure", "--timeout", "5m")
		}},
		{name: "loop of kubectl", release: func(ctx context.Context, s *stage, objects []*kube.Object) (time.Duration, error) {
			return s.loop(ctx, objects)
		}},
	}
	for i, o := range both {
		if o.stage, err = b.stage(ctx, fmt.Sprintf("others-%d", i)); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		defer o.close()
	}
	for round := range min(b.long, others) {
		failing, ctx := errgroup.WithContext(ctx)
		for _, o := range both {
			failing.Go(func() error { return o.fail(ctx) })
		}
		if err := failing.Wait(); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	for _, o := range both {
		r.Limits = append(r.Limits, Limit{Name: o.name + ", goes on after the second exit for, median", Value: median(o.goOn), Unit: "s"},
			Limit{Name: o.name + ", services that then have the new version, median", Value: median(o.left)})
		r.Times = append(r.Times, Times{Name: o.name + ", goes on after the second exit", Seconds: o.goOn})
	}
	return nil
}

// fail makes a good release and then a broken one.
func (o *other) fail(ctx context.Context) error {
	good, err := o.changed("other")
	if err != nil {
		return err
	}
	if _, err := o.release(ctx, o.stage, good); err != nil {
		return fmt.Errorf("%s: %w", o.name, err)
	}
	objects, err := o.broken("other", breakages[0])
	if err != nil {
		return err
	}
	var seen func() time.Time
	_, err = o.settled(func(ctx context.Context) (time.Duration, error) {
		sign, stop, err := o.watchFor(ctx, o.services[5].Name, breakages[0].decides)
		if err != nil {
			return 0, err
		}
		defer stop()
		seen = sign
		return o.release(ctx, o.stage, objects)
	})(ctx)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || seen == nil || seen().IsZero() {
		return fmt.Errorf("%s was to fail of the second exit of %s: %w", o.name, o.services[5].Name, err)
	}
	goesOn := time.Since(seen()).Seconds()
	left, err := o.haveNow(ctx, objects)
	o.goOn, o.left = append(o.goOn, goesOn), append(o.left, float64(left))
	o.say("  %s: goes on for %.0f s, and %d of 6 services have the new version", o.name, goesOn, left)
	return err
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
