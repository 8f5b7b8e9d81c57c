package ledger

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
)

// roles are what this test program does when it is started as another process.
var roles = map[string]func(t *testing.T, l *Ledger){
	"hold":           holdForEver,
	"pause and work": pauseAndWork,
	"release":        releaseThing,
	"move":           moveIt,
}

// TestRole is not a test: it is the other process.
func TestRole(t *testing.T) {
	role := roles[os.Getenv("LEDGER_TEST_ROLE")]
	if role == nil {
		t.Skip("this is the other process of tests that need one")
	}
	l, err := Open(kubetest.Cluster(t), platform.Owner{Platform: "shop", Environment: os.Getenv("LEDGER_TEST_ENVIRONMENT")})
	if err != nil {
		t.Fatal(err)
	}
	role(t, l)
}

// process is another one, which says what it does line by line.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func start(t *testing.T, l *Ledger, role string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRole$")
	cmd.Env = append(os.Environ(), "LEDGER_TEST_ROLE="+role, "LEDGER_TEST_ENVIRONMENT="+l.Environment)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &process{t: t, cmd: cmd, in: in, out: bufio.NewScanner(out)}
}

// says waits for a line that begins so, and returns the rest of it.
func (p *process) says(what string) string {
	p.t.Helper()
	for p.out.Scan() {
		if rest, ok := strings.CutPrefix(p.out.Text(), what+":"); ok {
			return strings.TrimSpace(rest)
		}
	}
	p.t.Fatalf("the other process ended without saying %q", what)
	return ""
}

// stop stops the process as a suspended machine does, and waits until it is.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		p.t.Fatalf("the other process did not stop: %v, %v", status, err)
	}
}

// proceed wakes the process, which waits for a line since before it was stopped.
func (p *process) proceed() {
	p.t.Helper()
	p.signal(syscall.SIGCONT)
	if _, err := fmt.Fprintln(p.in); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func say(what string, err error) { fmt.Printf("%s: %v\n", what, err) }

func take(t *testing.T, l *Ledger) *Lock {
	k, err := l.Acquire(t.Context(), Holder{Person: "mara", Host: "runner", Pid: os.Getpid()}, lease)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func holdForEver(t *testing.T, l *Ledger) {
	take(t, l)
	say("held", nil)
	select {}
}

func TestLockOfAKilledProcessExpires(t *testing.T) {
	t.Parallel()
	l := open(t)
	p := start(t, l, "hold")
	p.says("held")
	var held *HeldError
	if _, err := l.Acquire(t.Context(), Holder{Person: "tom"}, lease); !errors.As(err, &held) || held.By.Pid != p.cmd.Process.Pid {
		t.Fatalf("while it lives: %v", err)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	next := acquire(t, l, "tom")
	defer next.Release(kubetest.Context(t))
	if waited := time.Since(begun); waited > 3*lease {
		t.Errorf("waited %s for a lease of %s", waited, lease)
	}
	if next.Fence != 2 {
		t.Errorf("fence %d, want 2", next.Fence)
	}
}

// thing is what both processes release.
func thing(l *Ledger, version string) *kube.Object {
	obj := l.named("ConfigMap", "thing")
	obj.Object["data"] = map[string]any{"version": version}
	return obj
}

// pauseAndWork is stopped between check and write, as by a machine that is
// suspended, and goes on as if nothing had happened.
func pauseAndWork(t *testing.T, l *Ledger) {
	k := take(t, l)
	e, err := l.Add(t.Context(), Record{Fence: k.Fence})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Begin(t.Context(), "thing", nil); err != nil {
		t.Fatal(err)
	}
	live, err := l.cluster.Read(t.Context(), thing(l, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Guard(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	// A process that stops itself may run on for a moment: another of its
	// threads takes the signal. So it waits for a line, and is stopped meanwhile.
	say("checked", nil)
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	send := thing(l, "of the paused")
	send.SetResourceVersion(live.GetResourceVersion())
	_, err = l.cluster.Apply(t.Context(), send, kube.ApplyOptions{Force: true})
	say("wrote", stale(err))
	if live, err = l.cluster.Read(t.Context(), thing(l, "")); err != nil {
		t.Fatal(err)
	}
	say("tried again", k.Guard(t.Context(), live))
	say("recorded", e.End(t.Context(), "thing", nil))
	<-k.Lost().Done()
	say("lost", context.Cause(k.Lost()))
}

// stale gives the API server's conflict, which has words of its own, one of ours.
func stale(err error) error {
	if kube.Stale(err) {
		return errors.New("refused as stale")
	}
	return err
}

func TestPausedBetweenCheckAndWrite(t *testing.T) {
	t.Parallel()
	l := open(t)
	if _, err := l.cluster.Apply(t.Context(), thing(l, "old"), kube.ApplyOptions{}); err != nil {
		t.Fatal(err)
	}
	p := start(t, l, "pause and work")
	p.says("checked")
	p.stop()
	next := acquire(t, l, "tom")
	defer next.Release(kubetest.Context(t))
	unfinished, err := l.Unfinished(t.Context())
	if err != nil || unfinished == nil {
		t.Fatalf("%+v, %v", unfinished, err)
	}
	e, err := l.Take(t.Context(), unfinished.Number, next.Fence)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Stamp(t.Context(), []*kube.Object{thing(l, "")}); err != nil {
		t.Fatal(err)
	}
	p.proceed()
	for _, tt := range []struct{ what, want string }{
		{"wrote", "refused as stale"},
		{"tried again", "the lock of " + l.Environment + " was taken by another run"},
		{"recorded", l.Name(1) + " was taken over by another run"},
		{"lost", "the lock of " + l.Environment + " was taken by another run"},
	} {
		if said := p.says(tt.what); said != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, said, tt.want)
		}
	}
	live, err := l.cluster.Read(t.Context(), thing(l, ""))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := kube.DataOf(live); err != nil || data["version"] != "old" {
		t.Errorf("the paused process wrote %v, %v", data, err)
	}
	if err := e.Close(t.Context(), Failed, "as before"); err != nil {
		t.Error(err)
	}
}
