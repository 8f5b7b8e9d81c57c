package gatekeeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/platform"
)

// Options of a gatekeeper.
type Options struct {
	App        *github.App
	Repository string // owner/name; webhooks of others are refused
	Platform   *platform.Platform
	// Secrets that webhooks are signed with: two while one is exchanged.
	Secrets []string
	Queue   string // file
	Log     *slog.Logger
	// Again is how long a request that has to wait is left alone. Default: 1 minute.
	Again time.Duration
}

// Keeper takes webhooks and decides about them.
type Keeper struct {
	Options
	queue   *queue
	wake    chan struct{} // there is a new request
	metrics *metrics
}

// mostBody of a webhook. Those of this event have some 20 kB.
const mostBody = 1 << 20

// Open opens the queue. It must be closed.
func Open(o Options) (*Keeper, error) {
	for _, s := range o.Secrets {
		if len(s) < 16 {
			return nil, &platform.UsageError{Message: "the webhook's secret has fewer than 16 letters", Advice: "`openssl rand -hex 32` makes one; set the same on the page of the GitHub App"}
		}
	}
	if len(o.Secrets) == 0 {
		return nil, &platform.UsageError{Message: "there is no secret that webhooks are signed with", Advice: "`openssl rand -hex 32` makes one; set the same on the page of the GitHub App"}
	}
	if o.Again == 0 {
		o.Again = time.Minute
	}
	q, err := openQueue(o.Queue)
	if err != nil {
		return nil, &platform.InfrastructureError{Message: err.Error(), Advice: "one gatekeeper at a time writes to its file, on a disk with room"}
	}
	k := &Keeper{Options: o, queue: q, wake: make(chan struct{}, 1), metrics: newMetrics()}
	return k, k.queue.forget(time.Now())
}

// Close closes the queue.
func (k *Keeper) Close() error { return k.queue.db.Close() }

// Webhook answers POST /webhook, for GitHub.
func (k *Keeper) Webhook() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		result, status, text := "taken", http.StatusAccepted, "taken"
		if err := k.take(r); err != nil {
			result, status, text = err.result, err.status, err.text
		}
		k.metrics.webhooks.WithLabelValues(result).Inc()
		k.metrics.answers.Observe(time.Since(began).Seconds())
		if status >= 400 {
			k.Log.Warn("webhook refused", "result", result, "why", text)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintln(w, text)
	})
	return mux
}

// take keeps what a webhook asks for. What is not an error but no new request
// either is told as a refusal with a status that GitHub takes for success.
func (k *Keeper) take(r *http.Request) *refusal {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "malformed", "set the App's content type to application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, mostBody))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return refuse(http.StatusRequestEntityTooLarge, "oversized", "it has more than %d bytes", mostBody)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "cut", "it ended in the middle")
	}
	if !signed(r.Header.Get("X-Hub-Signature-256"), body, k.Secrets) {
		return refuse(http.StatusUnauthorized, "forged", "it is not signed with this App's secret")
	}
	request, refused := read(r.Header.Get("X-GitHub-Event"), body, k.Repository, time.Now())
	switch {
	case refused != nil:
		return refused
	case request == nil:
		return refuse(http.StatusOK, "ignored", "nothing to do")
	}
	added, err := k.queue.add(request)
	if err != nil {
		k.Log.Error("the queue does not take it", "error", err)
		return refuse(http.StatusServiceUnavailable, "lost", "the queue does not take it; deliver it again")
	}
	if !added {
		return refuse(http.StatusOK, "replayed", "it was taken before")
	}
	k.rouse()
	return nil
}

// Observe answers /healthz and /metrics, for the cluster and not for the world.
func (k *Keeper) Observe() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := k.queue.open(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(k.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// Listen is a server for a handler, with the patience that strangers get.
func Listen(address string, h http.Handler) *http.Server {
	return &http.Server{
		Addr: address, Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
}

// Serve takes webhooks and decides about them until ctx ends. Requests that are
// open then are taken up by the next start.
func (k *Keeper) Serve(ctx context.Context, webhook, observe *http.Server) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for _, s := range []*http.Server{webhook, observe} {
		go func() {
			if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				stop(&platform.InfrastructureError{Message: fmt.Sprintf("listen at %s: %v", s.Addr, err), Advice: "is the address taken? --listen and --observe name others"})
			}
		}()
	}
	err := k.Decide(ctx)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = errors.Join(webhook.Shutdown(end), observe.Shutdown(end)) // who is cut off is told again by GitHub's page
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}
