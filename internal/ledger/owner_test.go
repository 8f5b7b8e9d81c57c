package ledger

import (
	"errors"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// A namespace is the ledger's where its marks say so, and never for its name.
func TestWhoseNamespaceItIs(t *testing.T) {
	t.Parallel()
	ours := platform.Owner{Platform: "shop", Environment: "staging", Namespace: "shop-staging"}
	other := func(change func(*platform.Owner)) map[string]string {
		of := ours
		change(&of)
		return marks(of)
	}
	for name, tt := range map[string]struct {
		labels map[string]string
		says   []string // nothing where it is ours
	}{
		"ours":                      {labels: marks(ours)},
		"application not known":     {labels: other(func(o *platform.Owner) { o.Namespace = "" })},
		"a person's":                {nil, []string{"Namespace/slipway-shop-staging is not Slipway's", "kubectl label --overwrite namespace slipway-shop-staging", "slipway.dev/platform=shop", "slipway.dev/namespace=shop-staging"}},
		"managed, and no mark":      {map[string]string{managedLabel: "slipway"}, []string{"is not Slipway's"}},
		"another platform's":        {other(func(o *platform.Owner) { o.Platform = "blog" }), []string{"belongs to platform blog, environment staging", "this is platform shop, environment staging", "another name in slipway.yaml"}},
		"another environment's":     {other(func(o *platform.Owner) { o.Environment = "production" }), []string{"belongs to platform shop, environment production"}},
		"an application that moved": {other(func(o *platform.Owner) { o.Namespace = "shop" }), []string{"in namespace shop, and slipway.yaml says namespace shop-staging", "slipway.dev/namespace=shop-staging`"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := Open(nil, ours)
			if err != nil {
				t.Fatal(err)
			}
			err = l.accepts(namespaceNamed(l.Namespace, tt.labels))
			var foreign *ForeignError
			if len(tt.says) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.As(err, &foreign) || !foreign.Usage() {
				t.Fatalf("it was taken: %v", err)
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error()+"\n"+foreign.Hint(), want) {
					t.Errorf("it does not say %q: %v\n%s", want, err, foreign.Hint())
				}
			}
		})
	}
}

// A record of another platform or environment is refused by name; those of older
// versions say no platform.
func TestForeignRecords(t *testing.T) {
	t.Parallel()
	l, err := Open(nil, platform.Owner{Platform: "shop", Environment: "staging"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*Record{{Number: 1, Environment: "staging"}, {Number: 2, Environment: "staging", Platform: "shop"}} {
		if err := l.foreign([]*Record{r}); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for _, r := range []*Record{{Number: 3, Environment: "production"}, {Number: 3, Environment: "staging", Platform: "blog"}} {
		if err := l.foreign([]*Record{r}); err == nil || !strings.Contains(err.Error(), "ConfigMap/slipway-shop-staging/release-000003 belongs to") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// A release to another namespace is not taken back from here.
func TestReleasedElsewhere(t *testing.T) {
	t.Parallel()
	l, err := Open(nil, platform.Owner{Platform: "shop", Environment: "staging", Namespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	deployment := func(namespace string) []Touched { return []Touched{{ID: "Deployment/" + namespace + "/web"}} }
	for _, r := range []*Record{{}, {Namespace: "shop", Objects: deployment("shop")}, {Objects: deployment("shop")}, {Objects: []Touched{{ID: "ClusterRole/web"}}}} {
		if err := l.Here(r); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	for _, r := range []*Record{{Number: 7, Namespace: "blog"}, {Number: 7, Objects: deployment("blog")}, {Number: 7, Objects: append(deployment("shop"), deployment("blog")...)}} {
		if err := l.Here(r); err == nil || !strings.Contains(err.Error(), "staging #7 is of platform shop, environment staging in namespace blog, and slipway.yaml says namespace shop") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// Two platforms that have an environment of one name on one cluster never meet: each
// has its own numbers, lock and records.
func TestTwoPlatformsOneEnvironment(t *testing.T) {
	t.Parallel()
	environment := testenv.Environment(t)
	for _, name := range []string{"shop", "blog"} {
		l, err := Open(kubetest.Cluster(t), platform.Owner{Platform: name, Environment: environment, Namespace: name})
		if err != nil {
			t.Fatal(err)
		}
		lock, err := l.Acquire(t.Context(), Holder{Person: "mara"}, lease)
		if err != nil {
			t.Fatalf("%s waits for another platform: %v", name, err)
		}
		t.Cleanup(func() { _ = lock.Release(kubetest.Context(t)) })
		e, err := l.Add(t.Context(), Record{Fence: lock.Fence})
		if err != nil || e.Record.Number != 1 || e.Record.Platform != name || e.Record.Namespace != name {
			t.Fatalf("%+v, %v", e, err)
		}
		labels := testenv.Kubectl(t, "get", "namespace", l.Namespace, "--output", "jsonpath={.metadata.labels}")
		for _, want := range []string{`"slipway.dev/platform":"` + name + `"`, `"slipway.dev/environment":"` + environment + `"`, `"slipway.dev/namespace":"` + name + `"`} {
			if !strings.Contains(labels, want) {
				t.Errorf("%s is marked %s", l.Namespace, labels)
			}
		}
	}
}

// A namespace that somebody else made is not taken over: nothing is written to it,
// and every command says whose it is.
func TestNamespaceOfAnother(t *testing.T) {
	t.Parallel()
	c := kubetest.Cluster(t)
	environment := testenv.Environment(t)
	l, err := Open(c, platform.Owner{Platform: "shop", Environment: environment})
	if err != nil {
		t.Fatal(err)
	}
	testenv.Kubectl(t, "create", "namespace", l.Namespace)
	t.Cleanup(func() { _, _ = testenv.TryKubectl(t, "delete", "namespace", l.Namespace, "--wait=false") })
	for name, try := range map[string]func() error{
		"lock": func() error { _, err := l.Acquire(t.Context(), Holder{}, lease); return err },
		"list": func() error { _, err := l.Releases(t.Context()); return err },
		"read": func() error { _, err := l.Release(t.Context(), 1); return err },
		"hash": func() error { _, err := l.Hasher(t.Context()); return err },
		"open": func() error { _, err := l.Unfinished(t.Context()); return err },
		"free": func() error { _, err := l.Unlock(t.Context(), Holder{}, "why"); return err },
	} {
		if err := try(); !errors.As(err, new(*ForeignError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found, err := c.Metadata(t.Context(), kube.Secrets, l.Namespace, ""); err != nil || len(found) > 0 {
		t.Errorf("it wrote %v, %v", found, err)
	}
}
