package gatekeeper

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	ours "github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// TestMain is the gatekeeper's process for the tests that kill it.
func TestMain(m *testing.M) {
	if os.Getenv("GATEKEEPER_HUB") != "" {
		if err := serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	app, err := ours.NewApp(os.Getenv("GATEKEEPER_HUB"), 12, []byte(os.Getenv("GATEKEEPER_KEY")))
	if err != nil {
		return err
	}
	p, err := platform.Parse("slipway.yaml", file)
	if err != nil {
		return err
	}
	k, err := Open(Options{
		App: app, Repository: repository, Platform: p, Secrets: []string{secret}, Queue: os.Getenv("GATEKEEPER_QUEUE"),
		Log: slog.New(slog.DiscardHandler), Again: time.Second,
	})
	if err != nil {
		return err
	}
	defer k.Close()
	return k.Serve(ctx, Listen(os.Getenv("GATEKEEPER_LISTEN"), k.Webhook()), Listen(os.Getenv("GATEKEEPER_OBSERVE"), k.Observe()))
}

// load is a gatekeeper in a process of its own, and how long it took to answer.
type load struct {
	testing.TB
	hub             *github.Server
	listen, observe string
	env             []string
	cmd             *exec.Cmd
	mu              sync.Mutex
	answers         []time.Duration
}

const firstRun = 1000

func newLoad(t testing.TB, runs int) *load {
	t.Helper()
	l := &load{TB: t, hub: testenv.GitHub(t, allowed()), listen: free(t), observe: free(t)}
	key := appOf(t, l.hub)
	l.hub.Change(func(k *github.Known) {
		for i := range runs {
			run := *k.Runs[77]
			run.ID, run.Waiting = int64(firstRun+i), []string{"production"}
			k.Runs[run.ID] = &run
		}
		// So that the kill meets decisions on their way.
		k.Faults = []github.Fault{{Path: "/deployment_protection_rule", Delay: 200 * time.Millisecond}}
	})
	l.env = append(os.Environ(), "GATEKEEPER_HUB="+l.hub.URL, "GATEKEEPER_KEY="+string(pemOf(key)), "GATEKEEPER_LISTEN="+l.listen,
		"GATEKEEPER_OBSERVE="+l.observe, "GATEKEEPER_QUEUE="+filepath.Join(t.TempDir(), "gate.db"))
	l.start()
	return l
}

func free(t testing.TB) string {
	t.Helper()
	s, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.Addr().String()
}

// start starts the process and waits until it is well.
func (l *load) start() {
	l.Helper()
	l.cmd = exec.Command(os.Args[0])
	l.cmd.Env, l.cmd.Stderr = l.env, os.Stderr
	if err := l.cmd.Start(); err != nil {
		l.Error(err)
		return
	}
	cmd := l.cmd
	l.Cleanup(func() { _ = cmd.Process.Kill() })
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		answer, err := http.Get("http://" + l.observe + "/healthz")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(until) {
			l.Errorf("the gatekeeper does not start: %v", err)
			return
		}
	}
}

// send delivers the webhook of a run until it is taken, as GitHub's page does
// when a person presses Redeliver.
func (l *load) send(i int) {
	hook := github.Hook{Run: int64(firstRun + i), Deployment: int64(firstRun + i), Environment: "production", SHA: commit, Created: time.Now()}
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		began := time.Now()
		status, err := l.hub.Deliver(l.Context(), "http://"+l.listen+"/webhook", secret, hook)
		took := time.Since(began)
		if err == nil && (status == http.StatusAccepted || status == http.StatusOK) {
			l.mu.Lock()
			l.answers = append(l.answers, took)
			l.mu.Unlock()
			return
		}
	}
	l.Errorf("webhook %d was never taken", i)
}

// run sends webhooks for so long, 20 a second, with a kill in the middle, after
// which nobody is there for a while.
func (l *load) run(n int) {
	l.Helper()
	var work sync.WaitGroup
	beat := time.NewTicker(50 * time.Millisecond)
	defer beat.Stop()
	for i := range n {
		work.Go(func() { l.send(i) })
		if i == n/2 {
			_ = l.cmd.Process.Kill()
			_ = l.cmd.Wait()
			work.Go(func() { // while webhooks come that nobody takes
				time.Sleep(500 * time.Millisecond)
				l.start()
			})
		}
		<-beat.C
	}
	work.Wait()
}

// decided waits until each run was decided and nothing is open, and holds that each
// was decided once: one that is told twice may come last. It returns how many were not.
func (l *load) decided(n int) (lost, twice int) {
	l.Helper()
	times := map[int64]int{}
	for until := time.Now().Add(time.Minute); (len(times) < n || !l.idle()) && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		times = l.times()
	}
	times = l.times()
	if len(times) != n || !l.idle() {
		l.Errorf("%d of %d were decided, and nothing is open: %t", len(times), n, l.idle())
	}
	for run, n := range times {
		if n != 1 {
			l.Errorf("run %d was decided %d times", run, n)
			twice++
		}
	}
	return n - len(times), twice
}

// times are how often each run was decided.
func (l *load) times() map[int64]int {
	l.Helper()
	times := map[int64]int{}
	for _, d := range l.hub.Decisions() {
		times[d.Run]++
		if d.State != "approved" {
			l.Fatalf("%+v", d)
		}
	}
	return times
}

// idle reports whether the queue has nothing open any more.
func (l *load) idle() bool {
	answer, err := http.Get("http://" + l.observe + "/metrics")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return err == nil && strings.Contains(string(text), "\nslipway_gate_open_requests 0\n")
}

// Of 20 webhooks a second none is lost and none decided twice, also when the
// process is killed in the middle.
func TestLoadWithAKill(t *testing.T) {
	t.Parallel()
	const n = 200
	l := newLoad(t, n)
	l.run(n)
	l.decided(n)
}

// A gatekeeper that is told to end does, and one at a time writes to a queue.
func TestEndsWell(t *testing.T) {
	t.Parallel()
	l := newLoad(t, 1)
	second := exec.Command(os.Args[0])
	second.Env = l.env
	if out, err := second.CombinedOutput(); err == nil {
		t.Errorf("a second one takes the same queue: %s", out)
	}
	l.send(0)
	l.decided(1)
	_ = l.cmd.Process.Signal(syscall.SIGTERM)
	if err := l.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// mostAnswer is what 99 of 100 webhooks may take.
const mostAnswer = 250 * time.Millisecond

// BenchmarkWebhooks is the load of a minute, with a kill in the middle: none is
// lost, none decided twice, and 99 of 100 are answered in time. `make load` runs it.
func BenchmarkWebhooks(b *testing.B) {
	for b.Loop() {
		const n = 1200
		l := newLoad(b, n)
		began := time.Now()
		l.run(n)
		took := time.Since(began)
		lost, twice := l.decided(n)
		slices.Sort(l.answers)
		p99 := l.answers[len(l.answers)*99/100]
		if p99 > mostAnswer {
			b.Errorf("99 of 100 are answered within %s, and not %s", p99, mostAnswer)
		}
		b.ReportMetric(n/took.Seconds(), "webhooks/s")
		b.ReportMetric(float64(lost), "lost")
		b.ReportMetric(float64(twice), "twice")
		b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(l.answers[len(l.answers)/2].Microseconds())/1000, "p50-ms")
	}
}
