package rollout

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
)

// The Secrets of Jobs, CronJobs and bare Pods are hidden like those of services.
func TestUnitRedactHeldOfAllKinds(t *testing.T) {
	t.Parallel()
	kinds := map[string]string{
		"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet",
		"jobs": "Job", "cronjobs": "CronJob", "pods": "Pod",
	}
	secret := func(resource string) string { return "hunter2-of-" + resource + "-9f3" }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, path, _ := strings.Cut(r.URL.Path, "/namespaces/shop/")
		if name, ok := strings.CutPrefix(path, "secrets/"); ok {
			fmt.Fprintf(w, `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": %q}, "data": {"password": %q}}`,
				name, base64.StdEncoding.EncodeToString([]byte(secret(name))))
			return
		}
		pod := fmt.Sprintf(`{"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": %q}}]}]}`, path)
		switch path {
		case "cronjobs":
			pod = `{"jobTemplate": {"spec": {"template": {"spec": ` + pod + `}}}}`
		case "pods":
		default:
			pod = `{"template": {"spec": ` + pod + `}}`
		}
		item := fmt.Sprintf(`{"apiVersion": "v1", "kind": %q, "metadata": {"name": "x"}, "spec": %s}`, kinds[path], pod)
		fmt.Fprintf(w, `{"apiVersion": "v1", "kind": "List", "items": [%s]}`, item)
	}))
	defer server.Close()
	cluster, err := kube.Connect(t.Context(), []byte(fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "test",
"clusters": [{"name": "test", "cluster": {"server": %q}}], "users": [{"name": "test", "user": {}}],
"contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}`, server.URL)), "")
	if err != nil {
		t.Fatal(err)
	}
	redact := RedactHeld(t.Context(), cluster, "shop", nil)
	for resource := range kinds {
		if got := redact("log in with " + secret(resource)); got != "log in with ***" {
			t.Errorf("%s: %s", resource, got)
		}
	}
}
