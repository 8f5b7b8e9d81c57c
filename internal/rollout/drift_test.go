package rollout

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/teei/slipway/internal/kube"
)

const deployed = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  resourceVersion: "1"
  annotations: {deployment.kubernetes.io/revision: "1", ours: a}
  labels: {app: api}
spec:
  replicas: 2
  strategy: {type: RollingUpdate}
  template:
    metadata: {labels: {app: api}, annotations: {ours: a}}
    spec:
      containers: [{name: api, image: one, env: [{name: A, value: a}]}]
status: {replicas: 2}
`

const deployedFields = `{"f:metadata":{"f:annotations":{"f:ours":{}},"f:labels":{"f:app":{}}},"f:spec":{"f:replicas":{},"f:template":{
	"f:metadata":{"f:annotations":{"f:ours":{}},"f:labels":{"f:app":{}}},
	"f:spec":{"f:containers":{"k:{\"name\":\"api\"}":{".":{},"f:name":{},"f:image":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}}}}}}}`

// stated is an object as the API server has it; each change is an old and a new text of it.
func stated(t *testing.T, text, fields string, changes ...string) *kube.Object {
	t.Helper()
	obj := &kube.Object{}
	data, err := yaml.YAMLToJSON([]byte(strings.NewReplacer(changes...).Replace(text)))
	if err == nil {
		err = obj.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	obj.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: kube.Manager, Operation: "Apply", APIVersion: obj.GetAPIVersion(), FieldsV1: metav1.NewFieldsV1(fields)}})
	return obj
}

// Others write what they like beside what slipway applies and pods are made from. A
// restart is no edit either, whoever asked for it.
func TestDriftIsOfWhatCounts(t *testing.T) {
	template := "annotations: {ours: a}}\n    spec"
	env := "env: [{name: A, value: a}"
	for name, tt := range map[string]struct {
		changes []string
		scaled  bool
		want    string // the fields
	}{
		"nothing":                  {nil, false, ""},
		"counters and status":      {[]string{`resourceVersion: "1"`, `resourceVersion: "2"`, `revision: "1"`, `revision: "3"`, "status: {replicas: 2}", "status: {replicas: 1}"}, false, ""},
		"annotation of a cloud":    {[]string{"ours: a}\n  labels", "ours: a, cloud.google.com/neg: x}\n  labels"}, false, ""},
		"label of Rancher":         {[]string{"  labels: {app: api}\nspec", "  labels: {app: api, cattle.io/creator: norman}\nspec"}, false, ""},
		"finalizer and owner":      {[]string{"  name: api\n", "  name: api\n  finalizers: [x/y]\n  ownerReferences: [{kind: App, name: z}]\n"}, false, ""},
		"field of somebody else":   {[]string{"strategy: {type: RollingUpdate}", "strategy: {type: RollingUpdate}\n  paused: true"}, false, ""},
		"our annotation":           {[]string{"ours: a}\n  labels", "ours: b}\n  labels"}, false, "metadata.annotations.ours"},
		"our annotation is gone":   {[]string{", ours: a}\n  labels", "}\n  labels"}, false, "metadata.annotations"},
		"replicas":                 {[]string{"replicas: 2\n  strategy", "replicas: 5\n  strategy"}, false, "spec.replicas"},
		"replicas of others":       {[]string{"replicas: 2\n  strategy", "replicas: 5\n  strategy"}, true, ""},
		"image":                    {[]string{"image: one", "image: two"}, false, "spec.template.spec.containers[api].image"},
		"somebody's sidecar":       {[]string{"containers: [", "containers: [{name: proxy, image: p}, "}, false, "spec.template.spec.containers[proxy]"},
		"somebody's variable":      {[]string{env, env + ", {name: B, value: b}"}, false, "spec.template.spec.containers[api].env[B]"},
		"annotation of its pods":   {[]string{template, "annotations: {ours: a, who: mara}}\n    spec"}, false, "spec.template.metadata.annotations.who"},
		"kubectl rollout restart":  {[]string{template, "annotations: {ours: a, kubectl.kubernetes.io/restartedAt: '2026-11-29T12:00:00Z'}}\n    spec"}, false, ""},
		"Rancher's redeploy":       {[]string{template, "annotations: {ours: a, cattle.io/timestamp: '2026-11-29T12:00:00+01:00'}}\n    spec"}, false, ""},
		"Reloader's annotation":    {[]string{template, "annotations: {ours: a, reloader.stakater.com/last-reloaded-from: '{}'}}\n    spec"}, false, ""},
		"Reloader's variable":      {[]string{env, env + ", {name: STAKATER_SETTINGS_CONFIGMAP, value: 9f}"}, false, ""},
		"a restart and an edit":    {[]string{"image: one, " + env, "image: two, " + env + ", {name: STAKATER_X_SECRET, value: 9f}"}, false, "spec.template.spec.containers[api].image"},
		"on its way out":           {[]string{"  name: api\n", "  name: api\n  deletionTimestamp: '2026-11-29T12:00:00Z'\n"}, false, "metadata.deletionTimestamp"},
		"stamped by a later run":   {[]string{"ours: a}\n  labels", "ours: a, slipway.dev/fence: '7'}\n  labels"}, false, ""},
		"stamped, without another": {[]string{"{deployment.kubernetes.io/revision: \"1\", ours: a}", "{ours: a, slipway.dev/fence: '7'}"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before, now := stated(t, deployed, deployedFields), stated(t, deployed, deployedFields, tt.changes...)
			got := strings.Join(drift(now, before, tt.scaled), " ")
			// Both ways: what was there may be gone.
			back := strings.Join(drift(before, now, tt.scaled), " ")
			if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") || got != back || same(now, before, tt.scaled) != (tt.want == "") {
				t.Errorf("%q and back %q, want %q", got, back, tt.want)
			}
		})
	}
}

// What a release applied beside what was there before has to be gone when it goes
// back, unless somebody else has it by now.
func TestDriftOfWhatWasAppliedInBetween(t *testing.T) {
	before := stated(t, deployed, deployedFields)
	between := stated(t, deployed, strings.Replace(deployedFields, `"f:replicas":{}`, `"f:replicas":{},"f:strategy":{"f:type":{}}`, 1), "RollingUpdate", "Recreate")
	stays := stated(t, deployed, deployedFields, "RollingUpdate", "Recreate")
	if got := drift(stays, before, false, between); len(got) != 1 || got[0] != "spec.strategy.type" {
		t.Errorf("it stays: %q", got)
	}
	if got := drift(stays, before, false); len(got) > 0 {
		t.Errorf("nobody applied it: %q", got)
	}
	stays.SetManagedFields(append(stays.GetManagedFields(), metav1.ManagedFieldsEntry{
		Manager: "kubectl-edit", Operation: "Update", APIVersion: "apps/v1", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:strategy":{"f:type":{}}}}`),
	}))
	if got := drift(stays, before, false, between); len(got) > 0 {
		t.Errorf("it is somebody else's: %q", got)
	}
}

// Of configuration the keys count that slipway applied.
func TestDriftOfConfiguration(t *testing.T) {
	const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: red}\n"
	const fields = `{"f:data":{"f:colour":{}}}`
	before := stated(t, settings, fields)
	if got := drift(stated(t, settings, fields, "red}", "red, ca.crt: x}"), before, false); len(got) > 0 {
		t.Errorf("somebody else's key: %q", got)
	}
	if got := drift(stated(t, settings, fields, "red", "pink"), before, false); len(got) != 1 || got[0] != "data.colour" {
		t.Errorf("our key: %q", got)
	}
}

func TestEditorIsWhoChangedWhatCounts(t *testing.T) {
	at := func(second int) *metav1.Time {
		time := metav1.Date(2026, 11, 29, 12, 0, second, 0, metav1.Now().UTC().Location())
		return &time
	}
	entry := func(manager, operation, fields string, second int) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationType(operation), APIVersion: "apps/v1", Time: at(second), FieldsV1: metav1.NewFieldsV1(fields)}
	}
	with := func(entries ...metav1.ManagedFieldsEntry) *kube.Object {
		obj := stated(t, deployed, deployedFields)
		obj.SetManagedFields(entries)
		return obj
	}
	ours, image := deployedFields, `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"api\"}":{"f:image":{}}}}}}}`
	cloud := entry("cloud", "Update", `{"f:metadata":{"f:annotations":{"f:neg":{}}}}`, 1)
	before := with(entry("slipway", "Apply", ours, 1), cloud)
	later := cloud
	later.Time = at(9)
	for name, tt := range map[string]struct {
		now  *kube.Object
		want string
	}{
		"we wrote it":             {with(entry("slipway", "Apply", ours, 2), cloud), ""},
		"we wrote it, then cloud": {with(entry("slipway", "Apply", ours, 2), later), ""},
		"an edit":                 {with(entry("slipway", "Apply", ours, 1), cloud, entry("kubectl-set", "Update", image, 2)), "kubectl-set"},
		"an edit before a cloud":  {with(entry("slipway", "Apply", ours, 1), entry("kubectl-set", "Update", image, 2), later), "kubectl-set"},
		"something was removed":   {with(entry("slipway", "Apply", `{"f:spec":{}}`, 1), cloud), "somebody"},
	} {
		if got := kube.Editor(tt.now, before); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
