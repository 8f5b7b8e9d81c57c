package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

// rewritten are objects with values that the API server writes in another way as it
// makes them. The workloads have no pods: what counts is what is stored.
const rewritten = `
{apiVersion: v1, kind: Secret, metadata: {name: broken-lines}, data: {key: "YSBzZWNyZXQgdGhhdCBp\ncyBsb25n\n"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: broken-lines}, binaryData: {key: "YSBzZWNyZXQgdGhhdCBp\ncyBsb25n\n"}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: limits}, spec: {limits: [{type: Container, default: {cpu: 1000m, memory: 1024Mi}, max: {cpu: 4000m}}]}}
---
{apiVersion: v1, kind: ResourceQuota, metadata: {name: quota}, spec: {hard: {requests.cpu: 100000m, requests.memory: 102400Mi, pods: "0100"}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ports}
spec: {podSelector: {}, ingress: [{ports: [{port: 8080}, {port: 9090}]}], egress: [{ports: [{port: 53}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaler}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nobody}
  maxReplicas: 2
  metrics: [{type: Pods, pods: {metric: {name: queue}, target: {type: AverageValue, averageValue: 1000m}}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: {{.}}}
webhooks:
  - name: never.slipway.dev
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    namespaceSelector: {matchLabels: {no: namespace}}
    clientConfig: {service: {name: web, namespace: {{.}}}}
    rules: [{apiGroups: [example.invalid], apiVersions: [v1], operations: [CREATE], resources: [nothings]}]
---
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: budget}, spec: {minAvailable: 050%, selector: {matchLabels: {app: web}}}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: disk}, spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1024Mi}}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: binding}, roleRef: {kind: Role, name: nothing, apiGroup: rbac.authorization.k8s.io}, subjects: [{kind: User, name: mara}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: example.invalid, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{name: one, port: 80}, {name: other, port: 81, protocol: UDP}]}}
---
apiVersion: slipway.dev/v1
kind: {{.}}
metadata: {name: custom}
spec: {items: [{name: a}, {name: b, size: 2}], keyed: [{name: a}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 1 1 *"
  suspend: true
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: web, resources: {limits: {cpu: 0.5, memory: 1024Mi}}}]}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: disks}
spec:
  replicas: 0
  serviceName: disks
  selector: {matchLabels: {app: disks}}
  template: {metadata: {labels: {app: disks}}, spec: {containers: [{name: app, image: web, volumeMounts: [{name: data, mountPath: /data}]}]}}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2048Mi}}}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 0
  strategy: {rollingUpdate: {maxSurge: 1}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, creationTimestamp: null}
    spec:
      containers:
        - name: app
          image: web
          ports: [{containerPort: 8080}]
          resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: 0.5, memory: 536870912}}
          readinessProbe: {httpGet: {path: /, port: 8080}}
          livenessProbe: {grpc: {port: 9090}}
          env:
            - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
            - {name: EMPTY, value: ""}
          securityContext: {capabilities: {}}
      volumes:
        - {name: tmp, emptyDir: {sizeLimit: 1024Mi}}
        - {name: none}
        - {name: config, configMap: {name: broken-lines, optional: true}}
        - {name: all, projected: {sources: [{serviceAccountToken: {path: token}}, {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}}]}}
        - {name: claim, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}}}}
---
# A policy changes this one as it is made, and never again.
{apiVersion: v1, kind: ConfigMap, metadata: {name: changed-by-policy}, data: {region: any, colour: red}}
`

// definition is of a custom resource with defaults in its lists.
const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: {{.}}.slipway.dev}
spec:
  group: slipway.dev
  scope: Namespaced
  names: {plural: {{.}}, singular: {{.}}, kind: {{.}}}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                items: {type: array, items: {type: object, properties: {name: {type: string}, size: {type: integer, default: 1}}}}
                keyed:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name, protocol]
                  items: {type: object, required: [name], properties: {name: {type: string}, protocol: {type: string, default: TCP}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: {{.}}}
spec:
  failurePolicy: Ignore
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{.}}}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps], resourceNames: [changed-by-policy]}]
  mutations:
    - patchType: JSONPatch
      jsonPatch: {expression: '[JSONPatch{op: "replace", path: "/data/region", value: "eu"}, JSONPatch{op: "add", path: "/data/added", value: "yes"}]'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: {{.}}}
spec: {policyName: {{.}}}
`

// TestRewrittenValues: the first release works for whatever the API server writes in
// another way than the manifests, or a policy changes as the object is made. Another
// one of the same manifests changes nothing, and one that is undone leaves nothing behind.
func TestRewrittenValues(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.define()
	o := Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: time.Minute}
	o.Objects = s.render(template.Must(template.New("").Parse(rewritten)), s.namespace)
	t.Cleanup(func() {
		_, _ = testenv.TryKubectl(t, "delete", "validatingwebhookconfiguration", s.namespace, "--ignore-not-found")
	})
	broken := errors.New("the flows do not work")
	failing := o
	failing.Verify = func(context.Context) error { return broken }
	for _, attempt := range []Options{failing, o} {
		result, err := Deploy(t.Context(), attempt)
		if attempt.Verify != nil && errors.Is(err, broken) {
			for _, u := range result.Undone {
				if !u.Verified || u.Action != "deleted" && u.Action != "kept" {
					t.Errorf("it goes back to nothing: %+v", u)
				}
			}
			testenv.Kubectl(t, "--namespace", s.namespace, "delete", "persistentvolumeclaim", "disk")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.unchanged(o)
	was := map[string]int64{}
	for _, kind := range []string{"Deployment", "StatefulSet"} {
		for _, obj := range o.Objects {
			if obj.GetKind() == kind {
				was[kube.ID(obj)] = s.read(obj).GetGeneration()
			}
		}
	}
	result, err := Deploy(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range result.Objects {
		if out.Action != "unchanged" {
			t.Errorf("the second release: %s %s", out.ID, out.Action)
		}
	}
	for _, obj := range o.Objects {
		if now := s.read(obj); was[kube.ID(obj)] != 0 && now.GetGeneration() != was[kube.ID(obj)] {
			t.Errorf("%s is at generation %d, before %d", kube.ID(obj), now.GetGeneration(), was[kube.ID(obj)])
		}
	}
	s.unchanged(o)
	if data := s.configMap("changed-by-policy"); data["region"] != "any" || data["added"] != "yes" {
		t.Errorf("what the manifests say holds, and what a policy adds stays: %v", data)
	}
}

// unchanged fails where a plan would show a difference.
func (s *scene) unchanged(o Options) {
	s.t.Helper()
	differences, err := Preview(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range differences {
		if d.Changed {
			before, after := d.States()
			s.t.Errorf("the plan shows %s:\n%v\n%v", kube.ID(d.Object), before, after)
		}
	}
}

func (s *scene) read(obj *kube.Object) *kube.Object {
	s.t.Helper()
	live, err := s.cluster.Read(s.t.Context(), obj)
	if err != nil || live == nil {
		s.t.Fatalf("read %s: %v, %v", kube.ID(obj), live, err)
	}
	return live
}

// define makes the custom resource and the policy that the namespace's name stands for.
func (s *scene) define() {
	s.t.Helper()
	objects := s.render(template.Must(template.New("").Parse(definition)), s.namespace)
	s.t.Cleanup(func() {
		for _, obj := range objects {
			_, _ = testenv.TryKubectl(s.t, "delete", obj.GetKind(), obj.GetName(), "--ignore-not-found", "--wait=false")
		}
	})
	for _, obj := range objects {
		if _, err := s.cluster.Apply(s.t.Context(), obj, kube.ApplyOptions{}); err != nil {
			s.t.Fatal(err)
		}
	}
	testenv.Kubectl(s.t, "wait", "--for=condition=Established", "--timeout=30s", "crd/"+s.namespace+".slipway.dev")
	probe := func() bool {
		out, _ := testenv.TryKubectl(s.t, "--namespace", s.namespace, "create", "configmap", "changed-by-policy", "--from-literal=region=any", "--dry-run=server", "--output=jsonpath={.data.region}")
		return strings.Contains(out, "eu")
	}
	for late := time.Now().Add(30 * time.Second); !probe(); time.Sleep(300 * time.Millisecond) {
		if time.Now().After(late) {
			s.t.Fatal("the policy is not in effect")
		}
	}
}
