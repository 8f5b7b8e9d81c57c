package main

import (
	"context"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
)

// hold takes the lock of the environment, from the first stage that writes to
// it to the end of the run: nobody releases between a migration and the
// services that it is for. The context that it returns ends when the lock is lost.
func (p *pipeline) hold(ctx context.Context, target platform.Target) (context.Context, error) {
	if !hasManifests(p.platform) {
		return ctx, nil // without a cluster there is no ledger, and no services to come
	}
	if p.lock == nil {
		kubeconfig, err := flatten(target, nil)
		if err != nil {
			return ctx, err
		}
		cluster, err := kube.Connect(ctx, kubeconfig, "")
		if err != nil {
			return ctx, err
		}
		book, err := ledger.Open(cluster, target.Owner())
		if err != nil {
			return ctx, err
		}
		if p.lock, err = book.Acquire(ctx, release.HolderOf(p.getenv), 0); err != nil {
			return ctx, err
		}
		if err := book.Claim(ctx); err != nil {
			return ctx, err
		}
	}
	held, cancel := context.WithCancelCause(ctx)
	lost := p.lock.Lost()
	context.AfterFunc(lost, func() { cancel(context.Cause(lost)) })
	return held, nil
}

// letGo gives the lock back, also when the run was cancelled. One that cannot
// be given back expires.
func (p *pipeline) letGo(ctx context.Context) {
	if p.lock == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if err := p.lock.Release(ctx); err != nil {
		p.progress.Say("  the lock could not be given back, it expires by itself: %v", err)
	}
	p.lock = nil
}
