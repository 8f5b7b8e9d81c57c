package gatekeeper

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/plan"
)

const (
	workers     = 8
	mostReports = 9               // GitHub takes ten, and the decision is one more
	patience    = 24 * time.Hour  // a plan is not approved after that
	longestLook = 2 * time.Minute // at one request
)

// Decide looks at requests that are open whenever one comes or is due, until ctx ends.
func (k *Keeper) Decide(ctx context.Context) error {
	var busy sync.Map // deployments that somebody looks at
	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, workers)
	forgotten := time.Now() // when the queue was opened
	for ctx.Err() == nil {
		if time.Since(forgotten) > time.Hour {
			forgotten = time.Now()
			if err := k.queue.forget(forgotten); err != nil {
				return err
			}
		}
		open, err := k.queue.open()
		if err != nil {
			return err
		}
		k.metrics.open.Set(float64(len(open)))
		next := time.Now().Add(time.Hour)
		for _, r := range open {
			if time.Until(r.Next) > 0 {
				if r.Next.Before(next) {
					next = r.Next
				}
				continue
			}
			if _, taken := busy.LoadOrStore(r.Deployment, true); taken {
				continue
			}
			slots <- struct{}{}
			work.Go(func() {
				defer func() {
					busy.Delete(r.Deployment)
					<-slots
					k.rouse() // it may be due again
				}()
				k.look(ctx, r)
			})
		}
		k.sleep(ctx, next)
	}
	return nil
}

func (k *Keeper) rouse() {
	select {
	case k.wake <- struct{}{}:
	default: // it is awake
	}
}

func (k *Keeper) sleep(ctx context.Context, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-k.wake:
	case <-timer.C:
	}
}

// look decides about a request that is open in the queue. It may have ended in a
// busy moment of another look; then it is there no more, or not due.
func (k *Keeper) look(ctx context.Context, r *Request) {
	ctx, stop := context.WithTimeout(ctx, longestLook)
	defer stop()
	log := k.Log.With("run", r.Run, "environment", r.Environment, "deployment", r.Deployment)
	current, err := k.queue.get(r.Deployment)
	if err != nil || current == nil || time.Until(current.Next) > 0 {
		return
	}
	*r = *current
	if err := k.step(ctx, r); err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // else the next start takes it up
			log.Error("not decided yet", "error", err)
			k.postpone(log, r, err)
		}
		return
	}
	if r.State != "" {
		log.Info("decided", "state", r.State, "comment", r.Comment)
		k.metrics.decided.Observe(time.Since(r.Received).Seconds())
	}
}

// postpone looks at a request again later, for as long as it is remembered.
func (k *Keeper) postpone(log *slog.Logger, r *Request, err error) {
	var known *github.Error
	if !errors.As(err, &known) {
		known = &github.Error{}
	}
	keep := k.queue.put
	if known.Status == http.StatusUnauthorized {
		k.App.Forget(r.Installation)
	}
	if time.Since(r.Received) > kept {
		keep = k.queue.done
	}
	r.Next = time.Now().Add(k.Again)
	if known.Until.After(r.Next) { // GitHub says when its limit begins anew
		r.Next = known.Until
	}
	if err := keep(r); err != nil {
		log.Error("the queue does not take it", "error", err)
	}
}

// step decides, keeps the decision, tells GitHub, and is done; or says what is
// waited for. After a crash it goes on where it ended.
func (k *Keeper) step(ctx context.Context, r *Request) error {
	client, err := k.App.Client(ctx, r.Installation, k.Repository)
	if err != nil {
		return err
	}
	if r.State == "" {
		state, findings := k.judge(ctx, client, r)
		comment := gate.Told(state, findings)
		if state == gate.Waiting {
			return k.report(ctx, client, r, comment, plan.Failed(findings))
		}
		r.State, r.Comment = state, comment
		if err := k.queue.put(r); err != nil {
			return err
		}
	} else if waits, err := client.Waits(ctx, r.Run, r.Environment); err != nil {
		return err // whoever kept this decision may have told it, or not
	} else if !waits {
		return k.queue.done(r)
	}
	err = client.Decide(ctx, r.Run, github.Decision{Environment: r.Environment, State: r.State, Comment: r.Comment})
	if gone(err) {
		return k.queue.done(r)
	}
	if err != nil {
		return err
	}
	k.metrics.decisions.WithLabelValues(r.State).Inc()
	return k.queue.done(r)
}

// gone reports whether there is nobody left to tell: the run was cancelled, or deleted.
func gone(err error) bool {
	var known *github.Error
	return errors.As(err, &known) && (known.Status == http.StatusNotFound || known.Status == http.StatusUnprocessableEntity)
}

func (k *Keeper) judge(ctx context.Context, client *github.Client, r *Request) (string, []plan.Finding) {
	state, findings := gate.Admit(ctx, gate.Admission{GitHub: client, Platform: k.Platform, Environment: r.Environment, Run: r.Run, SHA: r.SHA, Now: time.Now()})
	if state == gate.Waiting && time.Since(r.Received) > patience {
		state = gate.Rejected
	}
	return state, findings
}

// report tells people once what is waited for, and comes back later. The same
// finding is told once, also where its text has the hour in it.
func (k *Keeper) report(ctx context.Context, client *github.Client, r *Request, comment string, failed []plan.Finding) error {
	var waits []string
	for _, f := range failed {
		waits = append(waits, f.ID)
	}
	if what := strings.Join(waits, " "); what != r.Waits && r.Reports < mostReports {
		err := client.Decide(ctx, r.Run, github.Decision{Environment: r.Environment, Comment: comment})
		if gone(err) {
			return k.queue.done(r)
		}
		if err != nil {
			return err
		}
		k.metrics.decisions.WithLabelValues("report").Inc()
		r.Waits, r.Reports = what, r.Reports+1
	}
	r.Next = time.Now().Add(k.Again)
	return k.queue.put(r)
}
