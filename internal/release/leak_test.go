package release

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// talkative is a service that says its secrets in every form, and ends.
const talkative = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: node:22-bookworm-slim
          envFrom: [{secretRef: {name: keys}}]
          command:
            - node
            - -e
            - |
              for (const s of [process.env.TOKEN, "pass-of-the-target"]) {
                const b = Buffer.from(s), u = Buffer.from("user:" + s);
                console.log("plain", s, "base64", b.toString("base64"), b.toString("base64url"));
                console.log("Basic", u.toString("base64"), "hex", b.toString("hex"), b.toString("hex").toUpperCase());
                console.log("url", encodeURIComponent(s), "json", JSON.stringify(JSON.stringify({s})));
              }
              console.log("x".repeat(100000) + process.env.TOKEN);
              process.exit(3);
`

// TestNoSecretIsTold: of a service that says the value of a Secret that only its pods
// are given, and one that the target has, nothing gets into the ledger, the outcome or
// what people read, in no encoding.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	cluster, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	book, err := ledger.Open(cluster, platform.Owner{Platform: "shop", Environment: testenv.Environment(t), Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	const held, ofTarget = `t0k"en/of+the=pods`, "pass-of-the-target"
	testenv.Kubectl(t, "--namespace", namespace, "create", "secret", "generic", "keys", "--from-literal", "TOKEN="+held)
	objects, err := kube.Render(t.Context(), kube.Source{Name: "talkative", Text: []byte(talkative)}, kube.RenderOptions{Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&told, format+"\n", args...) }
	o := Options{Ledger: book, Say: say, Rollout: rollout.Options{
		Cluster: cluster, Namespace: namespace, Objects: objects, Services: []rollout.Service{{Name: "web"}}, Deadline: time.Minute,
		Redact: platform.Redactor([]string{ofTarget}), Progress: Teller(say, nil),
		Settle: 20 * time.Second,
	}}
	outcome, err := Run(t.Context(), o)
	if outcome == nil || outcome.State != ledger.Failed {
		t.Fatalf("%v, %+v", err, outcome)
	}
	for _, f := range rollout.Failures(err) {
		told.WriteString(f.String())
	}
	stored, failed := book.Release(t.Context(), outcome.Number)
	if failed != nil {
		t.Fatal(failed)
	}
	for name, what := range map[string]any{"the record": stored, "the outcome": outcome, "what people read": told.String() + err.Error()} {
		data, err := json.MarshalIndent(what, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if text, found := string(data), platform.Redactor([]string{held, ofTarget}); found(text) != text {
			t.Errorf("%s has a secret in it:\n%s\nwhich would be\n%s", name, text, found(text))
		}
		if !strings.Contains(string(data), "Basic ") {
			t.Errorf("%s has nothing of the log:\n%s", name, data)
		}
	}
}
