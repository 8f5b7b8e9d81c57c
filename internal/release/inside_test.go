package release

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// asleep is a workload without pods: what is run like it runs for real.
const asleep = `{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}},
  "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "node:22-bookworm-slim", "env": [{"name": "REDIS_URL", "value": "redis://:s3cret@127.0.0.1:1"}]}]}}}}`

// TestServersUnreachableFromInside: a server that the platform's own secrets do
// not lead to, from within the cluster, is an error that shows what was said there.
func TestServersUnreachableFromInside(t *testing.T) {
	t.Parallel()
	namespace := testenv.Namespace(t)
	cluster := kubetest.Cluster(t)
	objects, err := kube.Render(t.Context(), kube.Source{Name: "asleep", Text: []byte(asleep)}, kube.RenderOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Create(t.Context(), objects[0]); err != nil {
		t.Fatal(err)
	}
	reach := `const at = new URL(process.env.REDIS_URL); require("net").connect(at.port, at.hostname).on("error", e => { console.log("reach", process.env.REDIS_URL, e.code); process.exit(3) })`
	minute := platform.Duration{Duration: time.Minute}
	v := Verifier{
		Cluster: cluster, Namespace: namespace, Platform: &platform.Platform{}, Say: t.Logf,
		Redact: strings.NewReplacer("s3cret", "***").Replace,
	}
	err = v.inside(t.Context(), []platform.Command{
		{Service: "web", Run: []string{"-e", reach}, Entrypoint: []string{"node"}, Timeout: minute},
		{Service: "gone", Run: []string{"true"}, Timeout: minute},
	})
	var failed *InsideError
	if !errors.As(err, &failed) || failed.Reason != "exit code 3" || len(failed.Lines) != 1 || failed.Lines[0] != "reach redis://:***@127.0.0.1:1 ECONNREFUSED" {
		t.Fatalf("%v", err)
	}
	// Somebody else who verifies at the same time disturbs nobody.
	errs := make(chan error)
	for range 2 {
		go func() {
			errs <- v.inside(t.Context(), []platform.Command{{Service: "web", Run: []string{"-e", "setTimeout(() => {}, 3000)"}, Entrypoint: []string{"node"}, Timeout: minute}})
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Errorf("two at once: %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "gone: true: the service does not run") || strings.Contains(text, "s3cret") {
		t.Errorf("%s", text)
	}
}

// TestServersThatNobodyAsks: where no command asks the platform's servers from inside
// of the cluster, that is said, and where there are none, nothing is.
func TestServersThatNobodyAsks(t *testing.T) {
	t.Parallel()
	const says = "· postgres, redis not asked from inside of the cluster: verify.inside names no command\n"
	servers := map[string]platform.Infrastructure{"redis": {}, "postgres": {}}
	for _, tt := range []struct {
		platform platform.Platform
		want     string
	}{
		{platform.Platform{Infrastructure: servers}, says},
		{platform.Platform{}, ""},
		{platform.Platform{Infrastructure: servers, Verify: platform.Verify{Inside: []platform.Command{{Service: "gone"}}}}, ""},
	} {
		var said strings.Builder
		v := Verifier{
			Cluster: kubetest.Cluster(t), Namespace: testenv.Namespace(t), Platform: &tt.platform,
			Say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) },
		}
		if err := v.Verify(t.Context()); err != nil || said.String() != tt.want {
			t.Errorf("%v; it says %q, want %q", err, said.String(), tt.want)
		}
	}
}
