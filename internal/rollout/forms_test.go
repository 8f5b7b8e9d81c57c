package rollout

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"text/template"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/internal/kube"
)

// shapes are objects with room for what a form is about. Nothing runs: a template of pods
// is a CronJob's that is suspended, where its kind does not matter, since the controllers
// of a cluster are slow with many Deployments.
var shapes = map[string]string{
	"pod":         `{apiVersion: batch/v1, kind: CronJob, metadata: {name: $}, spec: {schedule: "0 3 1 1 *", suspend: true, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: web}], %s}}}}}}`,
	"containers":  `{apiVersion: batch/v1, kind: CronJob, metadata: {name: $}, spec: {schedule: "0 3 1 1 *", suspend: true, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [%s]}}}}}}`,
	"container":   `{apiVersion: batch/v1, kind: CronJob, metadata: {name: $}, spec: {schedule: "0 3 1 1 *", suspend: true, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: web, %s}]}}}}}}`,
	"template":    `{apiVersion: apps/v1, kind: Deployment, metadata: {name: $}, spec: {replicas: 0, selector: {matchLabels: {app: $}}, template: {metadata: {labels: {app: $}}, spec: {containers: [{name: app, image: web}], %s}}}}`,
	"Deployment":  `{apiVersion: apps/v1, kind: Deployment, metadata: {name: $}, spec: {replicas: 0, selector: {matchLabels: {app: $}}, template: {metadata: {labels: {app: $}}, spec: {containers: [{name: app, image: web}]}}, %s}}`,
	"StatefulSet": `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: $}, spec: {replicas: 0, serviceName: $, selector: {matchLabels: {app: $}}, template: {metadata: {labels: {app: $}}, spec: {containers: [{name: app, image: web}]}}, %s}}`,
	"DaemonSet":   `{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: $}, spec: {selector: {matchLabels: {app: $}}, template: {metadata: {labels: {app: $}}, spec: {nodeSelector: {no: node}, containers: [{name: app, image: web}]}}, %s}}`,
	"Service":     `{apiVersion: v1, kind: Service, metadata: {name: $}, spec: {%s}}`,
	"ConfigMap":   `{apiVersion: v1, kind: ConfigMap, metadata: {name: $}, %s}`,
	"Secret":      `{apiVersion: v1, kind: Secret, metadata: {name: $}, %s}`,
	"Ingress":     `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: $}, spec: {%s}}`,
	"Policy":      `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: $}, spec: {podSelector: {}, %s}}`,
	"Scaler":      `{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: $}, spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nobody}, maxReplicas: 3, %s}}`,
	"Budget":      `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: $}, spec: {selector: {matchLabels: {app: $}}, %s}}`,
	"Account":     `{apiVersion: v1, kind: ServiceAccount, metadata: {name: $}, %s}`,
	"Role":        `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: $}, %s}`,
	"metadata":    `{apiVersion: v1, kind: ConfigMap, metadata: {name: $, %s}}`,
}

// forms of fields, each in one state and in another.
var forms = []struct{ name, shape, old, new string }{
	// Fields that the API server writes twice.
	{"account goes", "pod", `serviceAccountName: a`, ``},
	{"account comes", "pod", ``, `serviceAccountName: a`},
	{"another account", "pod", `serviceAccountName: a`, `serviceAccountName: b`},
	{"another account by its old name", "pod", `serviceAccount: a`, `serviceAccount: b`},
	{"account by its old name goes", "pod", `serviceAccount: a`, ``},
	{"account by its new name", "pod", `serviceAccount: a`, `serviceAccountName: b`},
	{"account by its old name again", "pod", `serviceAccountName: b`, `serviceAccount: a`},
	{"account of a Deployment", "template", `serviceAccountName: a`, ``},
	// One of several fields, as another one says.
	{"recreate", "Deployment", ``, `strategy: {type: Recreate}`},
	{"recreate, said fully", "Deployment", `strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}`, `strategy: {type: Recreate, rollingUpdate: null}`},
	{"recreate, half said before", "Deployment", `strategy: {rollingUpdate: {maxUnavailable: 0}}`, `strategy: {type: Recreate}, minReadySeconds: 3`},
	{"other rolling", "Deployment", `strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 1}}`, `strategy: {rollingUpdate: {maxSurge: 50%}}`},
	{"set on delete", "StatefulSet", ``, `updateStrategy: {type: OnDelete}`},
	{"set by parts", "StatefulSet", `updateStrategy: {type: OnDelete}`, `updateStrategy: {rollingUpdate: {partition: 2}}`},
	{"daemons on delete", "DaemonSet", ``, `updateStrategy: {type: OnDelete}`},
	{"affinity", "Service", `ports: [{port: 80}]`, `ports: [{port: 80}], sessionAffinity: ClientIP`},
	{"affinity for a time", "Service", `ports: [{port: 80}], sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}`, `ports: [{port: 80}], sessionAffinity: None`},
	{"node port", "Service", `ports: [{port: 80}]`, `type: NodePort, ports: [{port: 80}]`},
	{"node port goes", "Service", `type: NodePort, ports: [{name: a, port: 80}, {name: b, port: 80, protocol: UDP}]`, `ports: [{name: a, port: 80}]`},
	{"node port that is said", "Service", `ports: [{port: 80}], type: ClusterIP`, `type: NodePort, externalTrafficPolicy: Local, ports: [{port: 80}]`},
	{"load balancer", "Service", `ports: [{port: 80}]`, `type: LoadBalancer, loadBalancerClass: example.invalid/none, externalTrafficPolicy: Local, ports: [{port: 80}]`},
	{"load balancer goes", "Service", `type: LoadBalancer, loadBalancerClass: example.invalid/none, externalTrafficPolicy: Local, ports: [{port: 80}]`, `ports: [{port: 80}]`},
	{"external name", "Service", `ports: [{port: 80}]`, `type: ExternalName, externalName: example.invalid`},
	{"external name with ports", "Service", `type: ExternalName, externalName: example.invalid, ports: [{port: 80}]`, `ports: [{port: 80}], selector: {app: web}`},
	{"both families", "Service", `ipFamilyPolicy: SingleStack, ports: [{port: 80}]`, `ipFamilyPolicy: PreferDualStack, ports: [{port: 80}]`},
	{"egress", "Policy", `ingress: [{}]`, `ingress: [{}], egress: [{ports: [{port: 53}]}]`},
	{"policy for all", "Policy", `egress: [{}]`, ``},
	{"volume of another source", "pod", `volumes: [{name: v, emptyDir: {}}]`, `volumes: [{name: v, configMap: {name: c}}]`},
	{"volume of a projection", "pod", `volumes: [{name: v, secret: {secretName: s}}]`, `volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]`},
	{"volume without a source", "pod", `volumes: [{name: v}]`, `volumes: [{name: v, secret: {secretName: s}}]`},
	{"probe", "container", `readinessProbe: {httpGet: {path: /, port: 80}}`, `readinessProbe: {tcpSocket: {port: 80}}`},
	{"probe by a command", "container", `livenessProbe: {exec: {command: [a]}}`, `livenessProbe: {grpc: {port: 80}}`},
	{"probe goes", "container", `startupProbe: {httpGet: {path: /, port: 80, scheme: HTTPS}, failureThreshold: 9}`, ``},
	{"hook", "container", `lifecycle: {preStop: {exec: {command: [a]}}}`, `lifecycle: {preStop: {sleep: {seconds: 3}}}`},
	{"variable", "container", `env: [{name: A, value: x}, {name: B, value: b}]`, `env: [{name: B, value: z}, {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]`},
	{"variable of a Secret", "container", `env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]`, `env: [{name: A, valueFrom: {configMapKeyRef: {name: s, key: k}}}]`},
	{"profile", "pod", `securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}`, `securityContext: {seccompProfile: {type: RuntimeDefault}}`},
	{"backend", "Ingress", `defaultBackend: {service: {name: web, port: {number: 80}}}`, `defaultBackend: {resource: {apiGroup: example.invalid, kind: Bucket, name: b}}`},
	{"port of a backend", "Ingress", `defaultBackend: {service: {name: web, port: {number: 80}}}`, `defaultBackend: {service: {name: web, port: {name: http}}}`},
	{"metrics", "Scaler", `metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]`, `metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 500m}}}]`},
	{"metrics go", "Scaler", `metrics: [{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 50}}}], minReplicas: 2`, ``},
	{"behaviour", "Scaler", ``, `behavior: {scaleDown: {stabilizationWindowSeconds: 60}}`},
	{"budget", "Budget", `minAvailable: 1`, `maxUnavailable: 50%`},
	// Whatever else comes and goes.
	{"order of containers", "containers", `{name: a, image: web}, {name: b, image: web}`, `{name: b, image: web}, {name: c, image: web}, {name: a, image: web}`},
	{"command", "container", `command: [a, b], args: [c]`, `args: [d]`},
	{"resources", "container", `resources: {limits: {cpu: 1000m}, requests: {cpu: 0.5}}`, `resources: {requests: {memory: 1024Mi}}`},
	{"ports", "container", `ports: [{name: a, containerPort: 53}, {name: b, containerPort: 53, protocol: UDP}]`, `ports: [{name: b, containerPort: 54}]`},
	{"network of the host", "pod", ``, `hostNetwork: true, dnsPolicy: ClusterFirstWithHostNet`},
	{"first containers", "pod", ``, `initContainers: [{name: first, image: web, restartPolicy: Always}]`},
	{"places", "pod", `nodeSelector: {a: b}, tolerations: [{key: k, operator: Exists}], terminationGracePeriodSeconds: 3`, `affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: zone}}]}}, topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]`},
	{"deadlines", "Deployment", `progressDeadlineSeconds: 60, revisionHistoryLimit: 3`, `minReadySeconds: 5, paused: false`},
	{"Service ports", "Service", `ports: [{port: 80, targetPort: http}]`, `ports: [{name: a, port: 81, targetPort: 8080}, {name: b, port: 80}]`},
	{"selector goes", "Service", `ports: [{port: 80}], selector: {app: web, tier: a}`, `ports: [{port: 80}]`},
	{"data", "ConfigMap", `data: {a: x, b: w}`, `data: {b: z}, binaryData: {a: YQ==}`},
	{"secret data", "Secret", `stringData: {a: x}, data: {b: YQ==}`, `stringData: {b: w}`},
	{"labels", "metadata", `labels: {a: x}, annotations: {b: w}`, `annotations: {c: z}, finalizers: []`},
	{"account's own", "Account", `automountServiceAccountToken: false, imagePullSecrets: [{name: a}]`, `imagePullSecrets: [{name: b}]`},
	{"rules", "Role", `rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]`, `rules: []`},
}

// TestForms: each form of fields becomes what it would be in an empty namespace, in
// both directions, and goes back exactly, also to what slipway owns of it.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i, tt := range forms {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			form := func(fields string) Options {
				text := strings.ReplaceAll(fmt.Sprintf(shapes[tt.shape], fields), "$", fmt.Sprintf("form-%d", i))
				own := *s
				own.t = t
				return Options{Cluster: s.cluster, Namespace: s.namespace, Deadline: 30 * time.Second, Objects: own.render(template.Must(template.New("").Parse(text)), nil)}
			}
			f := formed{t: t, scene: s}
			old, next := form(tt.old), form(tt.new)
			f.release(old)
			before := f.live(old)
			f.undone(next)
			f.same("after the undo", f.live(old), before)
			f.release(next)
			f.release(old)
			f.same("released again", f.live(old), before)
			f.release(next)
		})
	}
}

// formed is one form of fields in the cluster.
type formed struct {
	t     *testing.T
	scene *scene
}

func (f formed) live(o Options) *kube.Object {
	f.t.Helper()
	live, err := f.scene.cluster.Read(f.t.Context(), o.Objects[0])
	if err != nil || live == nil {
		f.t.Fatalf("read it: %v, %v", live, err)
	}
	return live
}

// release makes it so, which must be as if it had never been otherwise.
func (f formed) release(o Options) {
	f.t.Helper()
	if _, err := Deploy(f.t.Context(), o); err != nil {
		f.t.Fatal(err)
	}
	f.fresh(o)
	if again, err := Preview(f.t.Context(), o); err != nil || again[0].Changed {
		f.t.Fatalf("a plan after it: %v", err)
	}
}

// fresh compares it with what the API server would make of it in an empty namespace.
func (f formed) fresh(o Options) {
	f.t.Helper()
	obj := o.Objects[0].DeepCopy()
	obj.SetName("fresh")
	made, err := f.scene.cluster.Apply(f.t.Context(), obj, kube.ApplyOptions{DryRun: true})
	if err != nil {
		f.t.Fatal(err)
	}
	got, want := chosen(f.live(o)), chosen(made)
	unstructured.RemoveNestedField(want, "metadata", "name")
	unstructured.RemoveNestedField(got, "metadata", "name")
	if !reflect.DeepEqual(got, want) {
		f.t.Errorf("it is\n%v\nand in an empty namespace\n%v", got, want)
	}
}

// undone releases it and takes it back.
func (f formed) undone(o Options) {
	f.t.Helper()
	broken := errors.New("the flows do not work")
	o.Verify = func(context.Context) error {
		f.fresh(o)
		return broken
	}
	result, err := Deploy(f.t.Context(), o)
	if !errors.Is(err, broken) || len(result.Undone) != 1 || !result.Undone[0].Verified {
		f.t.Fatalf("%v, %+v", err, result.Undone)
	}
}

func (f formed) same(when string, got, want *kube.Object) {
	f.t.Helper()
	if a, b := chosen(got), chosen(want); !reflect.DeepEqual(a, b) {
		f.t.Errorf("%s it is\n%v\nand was\n%v", when, a, b)
	}
	if a, b := ownership(got), ownership(want); !reflect.DeepEqual(a, b) {
		f.t.Errorf("%s slipway owns\n%v\nand did\n%v", when, a, b)
	}
}

// chosen is what people choose of an object, without the addresses that it was given.
func chosen(obj *kube.Object) map[string]any {
	out := essence(obj, false)
	for _, field := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
		unstructured.RemoveNestedField(out, "spec", field)
	}
	ports, _, _ := unstructured.NestedSlice(out, "spec", "ports")
	for _, port := range ports {
		if p, ok := port.(map[string]any); ok {
			delete(p, "nodePort")
		}
	}
	if len(ports) > 0 {
		_ = unstructured.SetNestedSlice(out, ports, "spec", "ports")
	}
	return out
}
