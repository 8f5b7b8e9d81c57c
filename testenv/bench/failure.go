package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/counter"
)

const failureText = `The same eleven services, updated in order, and the sixth is broken in one of four ways: it exits as it starts, its image does not exist, it is not ready until its deadline (here 10 s), or it is ready and answers its health path with 500.
All requests go through a counter in front of the API server, and beside the release somebody else watches the pods: the **sign** is
the moment at which the API server tells that watch of the second exit, or of the image that was not found; the third is the deadline itself, counted from the write to the service, and the fourth the third time that its new pod is asked for its health. From there it is timed until the
first write of the undo arrives, and until all six services are back and verified. The
**own time** is what passes in a good release between a service being available, as that other watch sees it, and the write to the next one: health asked by the pod and through the Service, its log, and the steps in between, which are recorded. Requests and watches are those of the whole release.

The same second exit with **Helm**, ` + "`helm upgrade --install --wait --rollback-on-failure`" + ` for one service after the other with its own time-out of five minutes, and with the **loop** of ` + "`kubectl apply`" + ` and
` + "`kubectl rollout status`" + `, which ends when the Deployment's progress deadline of two minutes has passed: how long they go on after the sign, and how many of the six services then still have the new version. Five times, both beside each other, since it takes minutes in which they do little but wait.`

// failures measures how fast a broken service is noticed and taken back, what
// others do then, and what a good release costs the API server.
func failures(ctx context.Context, b *bench) (Result, error) {
	s, err := b.stage(ctx, "failure", bySlipway)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	c, err := counter.Start(ctx, b.env["KUBECONFIG"])
	if err != nil {
		return Result{}, err
	}
	defer c.Close()
	through, err := kube.Connect(ctx, c.Kubeconfig, "")
	if err != nil {
		return Result{}, err
	}
	first, back := map[string][]float64{}, map[string][]float64{}
	var own, requests []float64
	most := 0
	for round := range b.long {
		for _, broken := range breakages {
			var noticed, done time.Duration
			if _, err := s.settled(func(ctx context.Context) (_ time.Duration, err error) {
				noticed, done, err = s.fail(ctx, through, c, broken)
				return done, err
			})(ctx); err != nil {
				return Result{}, fmt.Errorf("round %d, %s: %w", round+1, broken.sign, err)
			}
			first[broken.sign], back[broken.sign] = append(first[broken.sign], noticed.Seconds()), append(back[broken.sign], done.Seconds())
			b.say("  round %d of %d  %s: first write %.2f s, back %.1f s", round+1, b.long, broken.sign, noticed.Seconds(), done.Seconds())
		}
		var gaps []float64
		if _, err := s.settled(func(ctx context.Context) (_ time.Duration, err error) {
			gaps, err = s.gaps(ctx, through, c)
			return 0, err
		})(ctx); err != nil {
			return Result{}, fmt.Errorf("round %d: %w", round+1, err)
		}
		own = append(own, median(gaps))
		asked, watches := c.Requests(), 0
		for _, begun := range c.Watches() {
			watches += begun
		}
		requests, most = append(requests, float64(asked)/float64(len(s.services))), max(most, watches)
		b.say("  round %d of %d  own %.0f ms, %.1f requests a service, %d watches", round+1, b.long, 1000*median(gaps), requests[round], watches)
	}
	r := Result{Title: "A release that fails at the sixth of eleven services", Text: failureText}
	for _, broken := range breakages {
		r.Limits = append(r.Limits,
			Limit{Name: broken.sign + ", to the first write of the undo, median", Value: median(first[broken.sign]), Target: 1, Unit: "s"},
			Limit{Name: broken.sign + ", to all back and verified, median", Value: median(back[broken.sign]), Target: 15, Unit: "s"})
		r.Times = append(r.Times,
			Times{Name: broken.sign + ", to the first write of the undo", Seconds: first[broken.sign]},
			Times{Name: broken.sign + ", to all back and verified", Seconds: back[broken.sign]})
	}
	r.Limits = append(r.Limits,
		Limit{Name: "own time a service of a good release, median", Value: 1000 * median(own), Target: 150, Unit: "ms"},
		Limit{Name: "requests a service of a good release, median", Value: median(requests), Target: 12, Unit: ""},
		Limit{Name: "watches begun in a good release, most", Value: float64(most), Target: 3, Unit: ""})
	return r, b.otherFailures(ctx, &r)
}

// fail releases with a broken sixth service.
func (s *stage) fail(ctx context.Context, through *kube.Cluster, c *counter.Counter, broken breakage) (noticed, back time.Duration, err error) {
	objects, err := s.broken("slipway", broken)
	if err != nil {
		return 0, 0, err
	}
	services, sixth := slices.Clone(s.services), s.services[5].Name
	for _, obj := range objects {
		if obj.GetKind() == "Deployment" && obj.GetName() == sixth {
			services[5].Image = kube.Images(obj)[0]
		}
	}
	sign, stop, err := s.watchFor(ctx, sixth, broken.decides)
	if err != nil {
		return 0, 0, err
	}
	defer stop()
	c.Reset()
	outcome, err := s.release(ctx, through, rollout.Options{Objects: objects, Services: services, Deadline: broken.deadline})
	ended := time.Now()
	var failure *rollout.Failure
	if !errors.As(err, &failure) || failure.Service != sixth {
		return 0, 0, fmt.Errorf("%s was to fail: %w", sixth, err)
	}
	for _, u := range outcome.Rollout.Undone {
		if !u.Verified {
			return 0, 0, fmt.Errorf("%s is not back: %s", u.ID, u.Error)
		}
	}
	at := sign()
	if broken.asked > 0 {
		at, _ = c.Asked(sixth+"-", broken.asked)
	}
	if broken.deadline > 0 {
		begun, _ := c.First("deployments/" + sixth)
		at = begun.Add(broken.deadline)
	}
	undo, found := c.After(at, "deployments/")
	if at.IsZero() || !found {
		return 0, 0, fmt.Errorf("nobody saw the sign of %s, or no write after it", sixth)
	}
	return undo.Sub(at), ended.Sub(at), nil
}

// gaps are the seconds between a service being available and the write to the
// next one, in a good release.
func (s *stage) gaps(ctx context.Context, through *kube.Cluster, c *counter.Counter) ([]float64, error) {
	objects, err := s.changed("slipway")
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	available := map[string]time.Time{}
	before := map[string]int64{}
	var deployments *kube.Mirror[appsv1.Deployment]
	ready := make(chan struct{})
	watching, stop := context.WithCancel(ctx)
	defer stop()
	deployments, err = kube.Follow[appsv1.Deployment](watching, s.cluster, kube.Deployments, s.namespace, func() {
		<-ready
		mu.Lock()
		defer mu.Unlock()
		for _, d := range deployments.List() {
			status := d.Status
			done := d.Generation > before[d.Name] && status.ObservedGeneration == d.Generation && status.UpdatedReplicas == 1 && status.AvailableReplicas == 1 && status.Replicas == 1
			if _, known := available[d.Name]; done && !known {
				available[d.Name] = time.Now()
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for _, d := range deployments.List() {
		before[d.Name] = d.Generation
	}
	close(ready)
	c.Reset()
	if _, err := s.release(ctx, through, rollout.Options{Objects: objects, Services: s.services}); err != nil {
		return nil, err
	}
	mu.Lock()
	defer mu.Unlock()
	var gaps []float64
	for i, service := range s.services[:len(s.services)-1] {
		next, found := c.First("deployments/" + s.services[i+1].Name)
		if at, seen := available[service.Name]; seen && found {
			gaps = append(gaps, next.Sub(at).Seconds())
		}
	}
	if len(gaps) < len(s.services)/2 {
		return nil, fmt.Errorf("only %d of %d services were seen to become available", len(gaps), len(s.services)-1)
	}
	return gaps, nil
}
