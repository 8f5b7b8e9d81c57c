package release

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
)

// Tree is a checkout of a platform, and what its own command printed as
// manifests, where it has one.
type Tree struct {
	Platform *platform.Platform
	Printed  []byte
}

// Compare says what a change of the sources would do to an environment, without
// asking anybody: neither cluster nor database, so that it can be said of code
// that nobody trusts yet. Images are not compared, they are not made yet, and
// what else differs in the environment itself is not known.
func Compare(ctx context.Context, environment string, base, head Tree) (*plan.Plan, error) {
	before, err := base.before(ctx, environment)
	if err != nil {
		return nil, err
	}
	var excluded []string
	after, err := head.objects(ctx, environment, func(h kube.Hook) { excluded = append(excluded, h.String()) })
	if err != nil {
		return nil, err
	}
	p := &plan.Plan{Version: plan.Version, Environment: environment, Excluded: excluded, Services: []plan.Service{}, Objects: []plan.Object{}, Migrations: []plan.Migration{}}
	p.Objects = differing(before, after)
	for _, s := range Services(head.Platform, nil) {
		workload := func(objects []*kube.Object) map[string]any {
			for _, obj := range objects {
				if obj.GetName() == s.Name && podTemplate(obj.Object) != nil {
					return podTemplate(obj.Object)
				}
			}
			return nil
		}
		p.Services = append(p.Services, plan.Service{
			Name: s.Name, Port: s.Port, Health: s.Health, Changed: len(plan.Fields(workload(before), workload(after), nil)) > 0,
		})
	}
	p.Migrations, err = migrationsSince(base.Platform, head.Platform)
	return p, err
}

// before are the objects of a tree that is left: what it would be refused for today
// is no reason to refuse the change that mends it.
func (t Tree) before(ctx context.Context, environment string) ([]*kube.Object, error) {
	p := *t.Platform
	p.Manifests.Hooks = platform.Exclude
	old := Tree{Platform: &p, Printed: t.Printed}
	objects, err := old.objects(ctx, environment, nil)
	if elsewhere := new(kube.ElsewhereError); errors.As(err, &elsewhere) {
		p.Manifests.Namespace = elsewhere.Found
		return old.objects(ctx, environment, nil)
	}
	return objects, err
}

func (t Tree) objects(ctx context.Context, environment string, excluded func(kube.Hook)) ([]*kube.Object, error) {
	e, ok := t.Platform.Environments[environment]
	if !ok {
		return nil, nil // an environment that is new, or going
	}
	return Objects(ctx, t.Platform, Manifests{Overlay: e.Overlay, Printed: t.Printed, Namespace: e.Namespace, Excluded: excluded})
}

// differing lists the objects that differ, in the order in which they are applied;
// those that are gone come last, and stay in the cluster until somebody deletes them.
func differing(before, after []*kube.Object) []plan.Object {
	out, old := []plan.Object{}, map[string]*kube.Object{}
	for _, obj := range before {
		old[kube.ID(obj)] = obj
	}
	for _, obj := range after {
		id := kube.ID(obj)
		from := old[id]
		delete(old, id)
		o := plan.Object{ID: id, Action: plan.Change}
		var state map[string]any
		if from == nil {
			o.Action = plan.Create
		} else {
			state = from.Object
		}
		if o.Fields = plan.Fields(state, obj.Object, hidden(obj)); len(o.Fields) > 0 {
			out = append(out, o)
		}
	}
	for _, obj := range before {
		if _, gone := old[kube.ID(obj)]; gone {
			out = append(out, plan.Object{ID: kube.ID(obj), Action: plan.Leave, Fields: []plan.Field{}})
		}
	}
	return out
}

// hidden keeps what a Secret holds from the page of a pull request, also where
// somebody has put it into the repository.
func hidden(obj *kube.Object) plan.Hide {
	return func(field, _ string) (string, bool) {
		return "hidden", obj.GetKind() == "Secret" && (strings.HasPrefix(field, "data") || strings.HasPrefix(field, "stringData"))
	}
}

// migrationsSince are those of the newer folder that the older one does not have.
func migrationsSince(base, head *platform.Platform) ([]plan.Migration, error) {
	out := []plan.Migration{}
	if head.Database == nil {
		return out, nil
	}
	known := map[string]bool{}
	if base.Database != nil {
		files, err := database.ReadMigrations(path.Join(base.Root, base.Database.Migrations))
		if err != nil {
			return nil, err
		}
		for _, m := range files {
			known[m.Hash] = true
		}
	}
	files, err := database.ReadMigrations(path.Join(head.Root, head.Database.Migrations))
	for _, m := range files {
		if !known[m.Hash] {
			out = append(out, plan.Migration{Name: m.Name, SHA256: m.Hash, SQL: m.SQL})
		}
	}
	return out, err
}
