package release

import (
	"strings"
	"testing"

	"github.com/teei/slipway/testenv/testenv"
)

// TestPlanNamesWhatIsMissing: what new pods refer to and nobody has made is in the
// plan, with what needs it; what is made before the release is no reason to refuse it.
func TestPlanNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	testenv.Kubectl(t, "-n", d.namespace, "create", "secret", "generic", "kept", "--from-literal=a=b")
	lacking := func(more ...string) Planning {
		return d.planning(append(more, `env: [{name: TOKEN, value: "x-$token"}]`, `envFrom: [{configMapRef: {name: absent}}, {secretRef: {name: maybe, optional: true}}],
        env: [{name: A, valueFrom: {secretKeyRef: {name: kept, key: token}}}, {name: B, valueFrom: {configMapKeyRef: {name: settings, key: size}}}, {name: C, valueFrom: {secretKeyRef: {name: keys, key: token}}}]`,
			"terminationGracePeriodSeconds: 0", "terminationGracePeriodSeconds: 0\n      serviceAccountName: nobody")...)
	}
	p := d.plan(lacking())
	var got []string
	for _, m := range p.Missing {
		got = append(got, m.String())
		if len(m.For) != 1 || m.For[0] != "Deployment/"+d.namespace+"/web" || m.By != "" {
			t.Errorf("%+v", m)
		}
	}
	want := strings.NewReplacer("NS", d.namespace).Replace("ConfigMap/NS/absent, key size of ConfigMap/NS/settings, key token of Secret/NS/kept, ServiceAccount/NS/nobody")
	if strings.Join(got, ", ") != want {
		t.Errorf("missing: %s", strings.Join(got, ", "))
	}
	testenv.Kubectl(t, "-n", d.namespace, "create", "configmap", "absent")
	testenv.Kubectl(t, "-n", d.namespace, "create", "serviceaccount", "nobody")
	outcome := d.released(d.approve(p), lacking())
	if outcome == nil {
		t.Fatal("nothing was released")
	}
	if p := d.plan(lacking()); len(p.Missing) > 0 {
		t.Errorf("nothing new is made, and %+v is said to be missing", p.Missing)
	}
	again := d.plan(lacking("$digest", strings.Repeat("2", 64)))
	if len(again.Missing) != 2 {
		t.Errorf("for other pods: %+v", again.Missing)
	}
}
