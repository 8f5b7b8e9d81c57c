package release

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/testenv"
)

// away is how long the API server cannot be reached: longer than the lock lasts.
const away = 30 * time.Second

// TestAPIServerAway cuts a release from the API server in its middle. No new step
// begins meanwhile, and it goes on when the server is back, or gives way to
// whoever took over.
func TestAPIServerAway(t *testing.T) {
	t.Parallel()
	simulate(t)
	releaser := mortal(t)
	for _, tt := range []struct {
		name     string
		takeover bool
	}{{"and back", false}, {"and somebody took over", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, releaser)
			s.must("old", "run")
			s.points()
			line, direct := newLine(t), s.kubeconfig
			s.kubeconfig = line.kubeconfig
			s.more = []string{"--deadline", "2m"} // a service has the time that nobody can look at it
			run := s.stopped("before apply Deployment/"+s.namespace+"/"+services[0], "new", "run")
			s.kubeconfig = direct
			line.cut()
			cut := make(chan error, 1)
			go func() {
				defer line.mend()
				if tt.takeover {
					other := *s
					other.more = []string{"--lease", "15s"}
					_, err := other.run(0, "next", "run")
					cut <- err
					return
				}
				written, begun := s.passed("after apply"), s.passed("before apply")
				time.Sleep(away)
				if now := s.passed("after apply"); now > written {
					t.Errorf("%d writes arrived while the API server was away", now-written)
				}
				if now := s.passed("before apply"); now > begun {
					t.Errorf("%d writes were begun while the API server was away", now-begun)
				}
				cut <- nil
			}()
			out, err := run.goOn()
			if failed := <-cut; failed != nil {
				t.Fatalf("the other release: %v", failed)
			}
			if tt.takeover {
				if err == nil || !strings.Contains(out, "another run") {
					t.Errorf("%v\n%s", err, out)
				}
				s.entirely("next", ledger.Released)
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			s.entirely("new", ledger.Released)
		})
	}
}

// TestCancelledWhileAPIServerAway: what cannot be recorded any more is left to the
// next run. Whoever cancelled does not wait longer for that than a runner does.
func TestCancelledWhileAPIServerAway(t *testing.T) {
	t.Parallel()
	simulate(t)
	s := newScene(t, mortal(t)).standing("old")
	s.points()
	line, direct := newLine(t), s.kubeconfig
	s.kubeconfig, s.more = line.kubeconfig, []string{"--grace", "6s"}
	run := s.stopped("before apply Deployment/"+s.namespace+"/"+services[0], "new", "run")
	line.cut()
	start := time.Now()
	if _, _ = run.goOn(syscall.SIGTERM); run.ProcessState.ExitCode() != 1 || time.Since(start) > 10*time.Second {
		t.Errorf("%s after %s", run.ProcessState, time.Since(start))
	}
	s.kubeconfig, s.more = direct, nil
	if s.unfinished() == nil {
		t.Error("the ledger has nothing to go on with")
	}
	s.must("old", "rollback")
	s.entirely("old", ledger.Failed)
}

// passed counts the points whose names have a part, of the run under way.
func (s *scene) passed(part string) int {
	data, _ := os.ReadFile(filepath.Join(s.dir, "points")) // it is made by the first point
	return strings.Count(string(data), part)
}

// line is a connection to the API server that can be cut.
type line struct {
	kubeconfig string

	mu    sync.Mutex
	dead  bool
	conns map[net.Conn]bool
}

func newLine(t *testing.T) *line {
	t.Helper()
	data, err := os.ReadFile(testenv.Env(t)["KUBECONFIG"])
	if err != nil {
		t.Fatal(err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	cluster := config["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)
	server, err := url.Parse(cluster["server"].(string))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	cluster["server"], cluster["tls-server-name"] = "https://"+listener.Addr().String(), server.Hostname()
	if data, err = yaml.Marshal(config); err != nil {
		t.Fatal(err)
	}
	l := &line{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig"), conns: map[net.Conn]bool{}}
	if err := os.WriteFile(l.kubeconfig, data, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(near, server.Host)
		}
	}()
	return l
}

func (l *line) carry(near net.Conn, to string) {
	defer near.Close()
	if !l.hold(near) {
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil || !l.hold(far) {
		return
	}
	defer far.Close()
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(near, far)
}

// hold keeps a connection, to be cut later; a cut line takes none.
func (l *line) hold(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = true
	if l.dead {
		_ = c.Close()
	}
	return !l.dead
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	for c := range l.conns {
		_ = c.Close()
	}
	l.conns = map[net.Conn]bool{}
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = false
}
