package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

// TestLoginWithoutASecret: the kubeconfig of the documentation holds no key. What it
// names asks for a token of the job, here one that the cluster knows already, and the
// API server takes the job for whom that token is of.
func TestLoginWithoutASecret(t *testing.T) {
	t.Parallel()
	_, example, _ := strings.Cut(read(t, "../docs/gates.md"), "## A login without a secret")
	_, example, _ = strings.Cut(example, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	c := newCheckout(t)
	c.write("deploy.yaml", cancelledManifest)
	testenv.Kubectl(t, "--namespace", c.namespace, "create", "serviceaccount", "workflow")
	token := testenv.Kubectl(t, "--namespace", c.namespace, "create", "token", "workflow")
	flat, server, err := kube.Flatten(testenv.Env(t)["KUBECONFIG"], kube.FlattenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, authority, _ := strings.Cut(string(flat), "certificate-authority-data: ")
	authority, _, _ = strings.Cut(authority, "\n")
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := strings.NewReplacer("SERVER", server, "CERTIFICATE", authority, "AUDIENCE", "production").Replace(example)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer of-this-job" || r.URL.Query().Get("audience") != "production" || r.URL.Query().Get("api-version") == "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "this job has no id-token: write")
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"count": 1, "value": strings.TrimSpace(token)})
	}))
	t.Cleanup(issuer.Close)
	c.variables = append(c.variables, "TEST_KUBECONFIG="+file, "ACTIONS_ID_TOKEN_REQUEST_URL="+issuer.URL+"/token?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=of-this-job")
	out := c.slipway(1, "releases")
	if !strings.Contains(out, "system:serviceaccount:"+c.namespace+":workflow") || strings.Contains(out, strings.TrimSpace(token)) {
		t.Errorf("it is not that account which has no rights yet:\n%s", out)
	}
	c.variables = append(c.variables, "ACTIONS_ID_TOKEN_REQUEST_TOKEN=of-another-job")
	if out := c.slipway(1, "releases"); !strings.Contains(out, "error: 403") || !strings.Contains(out, "the login program that the kubeconfig names gave no token") {
		t.Errorf("a job that gets no token is not told so:\n%s", out)
	}
}
