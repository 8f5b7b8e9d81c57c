package release

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/rollout"
	"github.com/teei/slipway/testenv/testenv"
)

// configured is a service and a CronJob that read configuration.
var configured = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: $colour}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      nodeSelector: {simulated: ` + simulated + `}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers: [{name: web, image: "example.invalid/web:1", envFrom: [{configMapRef: {name: settings}}]}]
`

const nightly = `---
apiVersion: v1
kind: ConfigMap
metadata: {name: nightly}
data: {colour: black}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  suspend: true
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: job, image: "example.invalid/web:1", envFrom: [{configMapRef: {name: nightly}}]}]
`

// TestOldConfigurationIsDeleted: of ConfigMaps under hashed names those stay that a
// kept release goes back to, or that something reads which no manifest has any more.
func TestOldConfigurationIsDeleted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ledger.Keep = 2
	release := func(text string, partial bool) {
		t.Helper()
		objects, err := kube.Render(t.Context(), kube.Source{Name: "configured", Text: []byte(text)}, kube.RenderOptions{Namespace: d.namespace})
		if err == nil {
			err = kube.HashConfiguration(objects)
		}
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Ledger: d.ledger, partial: partial, Say: t.Logf, Rollout: rollout.Options{
			Cluster: d.cluster, Namespace: d.namespace, Objects: objects, Deadline: 20 * time.Second, Services: []rollout.Service{{Name: "web"}},
		}}
		if outcome, err := Run(t.Context(), o); err != nil {
			t.Fatalf("%+v, %v", outcome, err)
		}
	}
	colours := func(want ...string) {
		t.Helper()
		live, err := kube.List[corev1.ConfigMap](t.Context(), d.cluster, kube.ConfigMaps, d.namespace, kube.ConfigurationLabel, "")
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, c := range live {
			found = append(found, c.Data["colour"])
		}
		slices.Sort(found)
		if !slices.Equal(found, want) {
			t.Errorf("there are %q, want %q", found, want)
		}
	}
	version := func(colour string) string { return strings.ReplaceAll(configured, "$colour", colour) }
	// A person's copy of one, labels and all: it is nobody's to delete.
	testenv.Kubectl(t, "--namespace", d.namespace, "create", "configmap", "settings-193a71cbaf", "--from-literal", "colour=mine")
	testenv.Kubectl(t, "--namespace", d.namespace, "label", "configmap", "settings-193a71cbaf", kube.ConfigurationLabel+"=settings", "app.kubernetes.io/managed-by=slipway")
	release(version("red")+nightly, false)
	release(version("green")+nightly, false)
	release(version("blue"), false)
	colours("black", "blue", "green", "mine", "red") // the second release, which is kept, goes back to red
	release(version("violet"), true)
	colours("black", "blue", "green", "mine", "red", "violet") // a part of the platform says nothing of the rest
	release(version("white"), false)
	colours("black", "blue", "mine", "violet", "white")
	outcome, err := Rollback(t.Context(), Options{Ledger: d.ledger, Rollout: rollout.Options{Cluster: d.cluster, Namespace: d.namespace, Deadline: 20 * time.Second}}, Previous)
	if err != nil || outcome.State != ledger.Released {
		t.Fatalf("%+v, %v", outcome, err)
	}
	colours("black", "blue", "mine", "violet")
}
