package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"
	"github.com/google/go-containerregistry/pkg/crane"

	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

const gatePlatform = `version: 1
name: acme
environments:
  production:
    namespace: acme
    overlay: deploy
    gate:
      workflow: .github/workflows/production.yml
      approvals: [{name: leadership, users: [tom]}]
services:
  - {name: gateway, path: services/gateway, port: 3000}
`

// The image is made by the Dockerfile and runs by the manifest, with no right
// more than it has: a webhook is taken, a forged one is not.
func TestGateServeInTheCluster(t *testing.T) {
	testenv.Dagger(t)
	namespace := testenv.Namespace(t)
	dir := t.TempDir()
	image := pushed(t, dir, namespace)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"slipway.yaml": gatePlatform,
		"app.pem":      string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"volume.yaml":  strings.ReplaceAll(volume, "NAMESPACE", namespace),
	}
	manifest, err := os.ReadFile("gate/serve.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files["serve.yaml"] = strings.NewReplacer("ghcr.io/teei/slipway-gate # name it by digest", image, "OWNER/NAME", "acme/platform").Replace(string(manifest))
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	kubectl := func(args ...string) string { return testenv.Kubectl(t, append([]string{"-n", namespace}, args...)...) }
	const secret = "correct-horse-battery-staple"
	kubectl("create", "configmap", "slipway-gate", "--from-file="+at("slipway.yaml"))
	kubectl("create", "secret", "generic", "slipway-gate", "--from-literal=SLIPWAY_APP_ID=12", "--from-literal=SLIPWAY_WEBHOOK_SECRET="+secret, "--from-file=SLIPWAY_APP_KEY="+at("app.pem"))
	disk := filepath.Join("/var/lib/slipway", namespace) // fsGroup does not change a hostPath
	if err := errors.Join(os.Mkdir(disk, 0o700), os.Chown(disk, 65532, 65532)); err != nil {
		t.Fatal(err)
	}
	kubectl("apply", "-f", at("volume.yaml"))
	t.Cleanup(func() {
		_ = os.RemoveAll(disk)
		_, _ = testenv.TryKubectl(t, "delete", "pv", namespace, "--wait=false") // the claim goes with the namespace
	})
	kubectl("apply", "-f", at("serve.yaml"))
	kubectl("rollout", "status", "statefulset/slipway-gate", "--timeout=120s")
	url := "http://" + kubectl("get", "pod", "slipway-gate-0", "-o", "jsonpath={.status.podIP}") + ":8080/webhook"
	h := github.New("acme/platform")
	hook := github.Hook{Run: 77, Deployment: 9, Environment: "production", SHA: strings.Repeat("a", 40), Created: time.Now()}
	for with, want := range map[string]int{secret: http.StatusAccepted, "guessed-by-a-stranger": http.StatusUnauthorized} {
		if status, err := h.Deliver(t.Context(), url, with, hook); err != nil || status != want {
			t.Errorf("answered %d, %v, and not %d", status, err, want)
		}
	}
	answer, err := http.Get(strings.Replace(url, "8080/webhook", "8081/metrics", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	metrics, err := io.ReadAll(answer.Body)
	for _, want := range []string{`slipway_gate_webhooks_total{result="taken"} 1`, `slipway_gate_webhooks_total{result="forged"} 1`, "slipway_gate_open_requests 1"} {
		if !bytes.Contains(metrics, []byte(want)) {
			t.Errorf("%v: the metrics lack %s:\n%s", err, want, metrics)
		}
	}
}

// volume stands for what a cloud provides.
const volume = `{apiVersion: v1, kind: PersistentVolume, metadata: {name: NAMESPACE}, spec: {capacity: {storage: 100Mi}, accessModes: [ReadWriteOncePod],
  claimRef: {namespace: NAMESPACE, name: queue-slipway-gate-0}, hostPath: {path: /var/lib/slipway/NAMESPACE, type: Directory}}}`

// pushed makes the image of the Dockerfile and returns it by digest.
func pushed(t *testing.T, dir, repository string) string {
	t.Helper()
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "image", "slipway-linux-"+runtime.GOARCH), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dockerfile, err := os.ReadFile("gate/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "image", "Dockerfile"), dockerfile, 0o600); err != nil {
		t.Fatal(err)
	}
	dag, err := dagger.Connect(t.Context(), dagger.WithLogOutput(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer dag.Close()
	tarball := filepath.Join(dir, "image.tar")
	if _, err := dag.Host().Directory(filepath.Join(dir, "image")).DockerBuild().AsTarball().Export(t.Context(), tarball); err != nil {
		t.Fatal(err)
	}
	loaded, err := crane.Load(tarball)
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ := strings.Cut(testenv.Env(t)["SLIPWAY_REGISTRY"], "/")
	tag := host + "/" + repository + "/slipway-gate:test"
	if err := crane.Push(loaded, tag); err != nil {
		t.Fatal(err)
	}
	digest, err := loaded.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return host + "/" + repository + "/slipway-gate@" + digest.String()
}
