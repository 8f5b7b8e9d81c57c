package release

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/rollout"
)

// two is a platform of two services, with what belongs to one, to both and to neither.
const two = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: api-config}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: web-config}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: nobodys}, data: {a: b}}
---
{apiVersion: v1, kind: Secret, metadata: {name: web-keys}, data: {}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: web-account}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: reads}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}, subjects: [{kind: ServiceAccount, name: web-account}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader}}
---
{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {selector: {app: web}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: api}, spec: {selector: {app: api}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: everything}, spec: {selector: {platform: shop}, ports: [{port: 80}]}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: site}, spec: {rules: [{http: {paths: [{path: /, backend: {service: {name: front}}}]}}]}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: all}, spec: {defaultBackend: {service: {name: front}}, rules: [{http: {paths: [{path: /, backend: {service: {name: api}}}]}}]}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: api-hpa}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web-hpa}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}}
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web-budget}, spec: {selector: {matchLabels: {app: web}}}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: nothing-in}, spec: {podSelector: {}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: web, platform: shop}}
    spec:
      serviceAccountName: web-account
      containers: [{name: web, image: r/web, envFrom: [{configMapRef: {name: web-config}}], env: [{name: A, valueFrom: {configMapKeyRef: {name: shared, key: a}}}]}]
      volumes: [{name: keys, secret: {secretName: web-keys}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  template:
    metadata: {labels: {app: api, platform: shop}}
    spec: {containers: [{name: api, image: r/api, envFrom: [{configMapRef: {name: api-config}}, {configMapRef: {name: shared}}]}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: x, image: r/web}]}}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cleanup}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: x, image: r/api}]}}}}}
`

// What belongs to another service as well stays as it is, except what pods need to start.
func TestOnlyNamedServices(t *testing.T) {
	for name, tt := range map[string]struct {
		only []string
		out  string
	}{
		"one of two": {[]string{"web"}, "all api api api-config api-hpa cleanup everything nobodys nothing-in"},
		"the other":  {[]string{"api"}, "all everything front nightly nobodys nothing-in reader reads site web web-account web-budget web-config web-hpa web-keys"},
		"both":       {[]string{"web", "api"}, "nobodys nothing-in"},
		"all":        {nil, ""},
	} {
		objects, err := kube.Render(t.Context(), kube.Source{Name: "two", Text: []byte(two)}, kube.RenderOptions{Namespace: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		o := rollout.Options{Objects: objects, Services: []rollout.Service{{Name: "web"}, {Name: "api"}}}
		out, err := Only(&o, tt.only)
		if err != nil || len(o.Objects)+len(out) != len(objects) || tt.only != nil && len(o.Services) != len(tt.only) {
			t.Errorf("%s: %v, %+v", name, err, o.Services)
		}
		for i, id := range out {
			out[i] = id[strings.LastIndex(id, "/")+1:]
		}
		slices.Sort(out)
		if got := strings.Join(out, " "); got != tt.out {
			t.Errorf("%s: left out %s\nwant %s", name, got, tt.out)
		}
	}
	var unknown *UnknownServiceError
	if _, err := Only(&rollout.Options{Services: []rollout.Service{{Name: "web"}}}, []string{"wbe"}); !errors.As(err, &unknown) {
		t.Error(err)
	}
}
