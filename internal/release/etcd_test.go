package release

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// TestEtcdRestarted kills the database of a cluster in the middle of a release,
// and starts it again: the API server answers with errors meanwhile, watches
// break, and the release goes on. The sandbox's own etcd has other users, so the
// cluster is the test's alone.
func TestEtcdRestarted(t *testing.T) {
	t.Parallel()
	c := newControlPlane(t)
	s := &scene{t: t, releaser: mortal(t), environment: "private", namespace: "private", dir: t.TempDir(), services: services, kubeconfig: c.kubeconfig, cluster: c.cluster, values: map[string]any{"Node": simulated}}
	s.more = []string{"--deadline", "2m"}
	var err error
	if s.ledger, err = ledger.Open(c.cluster, platform.Owner{Platform: "shop", Environment: s.environment, Namespace: s.namespace}); err != nil {
		t.Fatal(err)
	}
	testenv.Kubectl(t, "--kubeconfig", c.kubeconfig, "create", "namespace", s.namespace)
	s.standing("old")
	s.points()
	run := s.stopped("after apply Deployment/"+s.namespace+"/"+services[0], "new", "run")
	c.etcd.kill()
	restarted := make(chan error, 1)
	go func() {
		begun := s.passed("before apply Deployment/")
		time.Sleep(5 * time.Second) // longer than the lock lasts
		if now := s.passed("before apply Deployment/"); now > begun {
			t.Errorf("%d writes were begun without a database", now-begun)
		}
		restarted <- c.etcd.start(t.Context())
	}()
	out, err := run.goOn()
	if failed := <-restarted; failed != nil {
		t.Fatal(failed)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.stand = append(s.stand, "new")
	s.entirely("new", ledger.Released)
	s.unlocked()
}

// controlPlane is a cluster that one test has for itself: etcd, an API server, the
// controllers of Deployments, and a node whose pods are only said to run.
type controlPlane struct {
	cluster    *kube.Cluster
	kubeconfig string
	etcd       *daemon
}

func newControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	dir, bin := t.TempDir(), testenv.Env(t)["SLIPWAY_BIN"]
	ports := freePorts(t, 4)
	client, peer := "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	in := func(name string) string { return filepath.Join(dir, name) }
	c := &controlPlane{kubeconfig: in("kubeconfig")}
	key := serviceAccountKey(t)
	for name, text := range map[string]string{
		"sa.key": key, "tokens": "administrator,administrator,administrator,system:masters\n",
		"kubeconfig": fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: private,
  clusters: [{name: private, cluster: {server: "https://127.0.0.1:%s", insecure-skip-tls-verify: true}}],
  users: [{name: private, user: {token: administrator}}],
  contexts: [{name: private, context: {cluster: private, user: private}}]}`, ports[2]),
	} {
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.etcd = newDaemon(t, filepath.Join(bin, "etcd"), "--name=private", "--data-dir="+in("etcd"), "--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=private="+peer, "--log-level=error")
	newDaemon(t, filepath.Join(bin, "kube-apiserver"), "--etcd-servers="+client, "--bind-address=127.0.0.1", "--secure-port="+ports[2], "--cert-dir="+in("certificates"),
		"--token-auth-file="+in("tokens"), "--authorization-mode=AlwaysAllow", "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none",
		"--service-account-issuer=https://private", "--service-account-key-file="+in("sa.key"), "--service-account-signing-key-file="+in("sa.key"),
		"--service-cluster-ip-range=10.97.0.0/24")
	c.connect(t)
	newDaemon(t, filepath.Join(bin, "kube-controller-manager"), "--kubeconfig="+c.kubeconfig, "--authentication-kubeconfig="+c.kubeconfig, "--authorization-kubeconfig="+c.kubeconfig,
		"--controllers=deployment-controller,replicaset-controller", "--leader-elect=false", "--secure-port="+ports[3], "--cert-dir="+in("certificates"))
	stop, err := simulateIn(t, c.cluster, c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return c
}

// connect waits until the API server answers.
func (c *controlPlane) connect(t *testing.T) {
	t.Helper()
	config, err := os.ReadFile(c.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		if c.cluster, err = kube.Connect(t.Context(), config, ""); err == nil {
			var ready *kube.Answer
			if ready, err = c.cluster.Get(t.Context(), "/readyz"); err == nil && ready.Status == 200 {
				return
			}
		}
		if time.Now().After(late) {
			t.Fatalf("the test's own API server does not answer: %v", err)
		}
	}
}

// daemon is a program that runs until the test ends, and can be killed before.
type daemon struct {
	args []string
	cmd  *exec.Cmd
	said strings.Builder
}

func newDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := &daemon{args: args}
	if err := d.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
			said := d.said.String()
			t.Logf("%s said:\n%s", filepath.Base(args[0]), said[max(0, len(said)-4000):])
		}
	})
	return d
}

func (d *daemon) start(ctx context.Context) error {
	d.cmd = exec.CommandContext(context.WithoutCancel(ctx), d.args[0], d.args[1:]...)
	d.cmd.Stdout, d.cmd.Stderr = &d.said, &d.said
	return d.cmd.Start()
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait() // killed
}

// freePorts are some that nobody listens at.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all at once, so that none is given twice
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

func serviceAccountKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}
