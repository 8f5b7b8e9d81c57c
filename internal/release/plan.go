package release

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
)

// Planning says what to plan.
type Planning struct {
	Ledger *ledger.Ledger
	// Rollout has the cluster, the namespace, the objects and all services in order.
	Rollout rollout.Options
	// Known is what does not come from the cluster: who asks, the source, the
	// platform file, the release that is promoted, the services asked for and the
	// pending migrations.
	Known plan.Plan
	// Secrets are values that must not be shown wherever they turn up.
	Secrets []string

	hides func(text string) bool // one of them
}

// Interrupted is the release that ended in the middle, nil if there is none, and what
// is taken back before the next one begins. A plan is made as of after that, so that
// what is approved is what the next release finds.
func Interrupted(ctx context.Context, l *ledger.Ledger) (*ledger.Record, []rollout.Change, error) {
	record, err := l.Unfinished(ctx)
	if errors.As(err, new(*ledger.UnknownEndError)) {
		return nil, nil, nil // nothing is released before a person has looked
	}
	if err != nil || record == nil {
		return nil, nil, err
	}
	changes, err := (&Options{Ledger: l}).changes(ctx, record)
	return record, changes, err
}

func changeOf(changes []rollout.Change, id string) *rollout.Change {
	i := slices.IndexFunc(changes, func(c rollout.Change) bool { return kube.ID(c.Object) == id })
	if i < 0 {
		return nil
	}
	return &changes[i]
}

// Plan asks the API server what a release would change, and changes nothing but
// the environment's hash key, which is made on first use. The plan says nothing
// of the time: made again in the same situation, it is the same.
func Plan(ctx context.Context, o Planning) (*plan.Plan, error) {
	p := o.Known
	p.Version, p.Environment, p.Namespace = plan.Version, o.Ledger.Environment, o.Rollout.Namespace
	p.Services, p.Objects = []plan.Service{}, []plan.Object{}
	if p.Migrations == nil {
		p.Migrations = []plan.Migration{}
	}
	if err := o.Ledger.Claimable(ctx); err != nil {
		return nil, err
	}
	o.Rollout.Owner = o.Ledger.Owner()
	hasher, err := o.Ledger.Hasher(ctx)
	if err != nil {
		return nil, err
	}
	if _, o.Rollout.Undone, err = Interrupted(ctx, o.Ledger); err != nil {
		return nil, err
	}
	o.Rollout.Environment = o.Ledger.Environment
	differences, err := rollout.Preview(ctx, o.Rollout)
	if err != nil {
		return nil, err
	}
	o.hides = hides(o.Secrets)
	for _, d := range differences {
		if d.Changed && d.Service == "" {
			p.Objects = append(p.Objects, o.object(hasher, d))
		}
	}
	for _, s := range o.Rollout.Services {
		p.Services = append(p.Services, service(s, differences))
		for _, d := range differences {
			if d.Changed && d.Service == s.Name {
				p.Objects = append(p.Objects, o.object(hasher, d))
			}
		}
	}
	retired := map[string]bool{}
	for _, d := range differences {
		if d.Retired != nil {
			id := kube.ID(d.Retired)
			retired[id] = true
			p.Objects = append(p.Objects, plan.Object{ID: id, Service: d.Service, Action: plan.Delete, Fields: []plan.Field{}})
		}
	}
	if p.Left, err = o.left(ctx, retired); err != nil {
		return nil, err
	}
	from := reader{cluster: o.Rollout.Cluster, read: map[string]*kube.Object{}}
	if p.Given, err = o.given(ctx, from); err != nil {
		return nil, err
	}
	if p.Missing, err = o.missing(ctx, from, differences); err != nil {
		return nil, err
	}
	return &p, nil
}

// given are the Secrets that the services are given and that no manifest has.
func (o *Planning) given(ctx context.Context, from reader) ([]plan.Given, error) {
	own, given := map[string]bool{}, map[string]*kube.Object{}
	for _, obj := range o.Rollout.Objects {
		own[kube.ID(obj)] = true
		for _, name := range kube.SecretsGiven(obj) {
			secret := ledger.Touched{APIVersion: "v1", ID: "Secret/" + obj.GetNamespace() + "/" + name}
			given[secret.ID] = secret.Object()
		}
	}
	var out []plan.Given
	for _, id := range slices.Sorted(maps.Keys(given)) {
		if own[id] || slices.Contains(o.Known.LeftOut, id) {
			continue
		}
		live, err := from.live(ctx, given[id])
		if err != nil {
			return nil, err
		}
		if c := changeOf(o.Rollout.Undone, id); c != nil {
			if live, err = rollout.AfterUndo(ctx, o.Rollout.Cluster, *c, live); err != nil {
				return nil, err
			}
		}
		holds, err := facts(ctx, o.Ledger, live)
		if err != nil {
			return nil, err
		}
		g := plan.Given{ID: id}
		if holds != nil {
			g.Hash = holds.Content
		}
		out = append(out, g)
	}
	return out, nil
}

// left are the objects that are in no manifest any more, and stay.
func (o *Planning) left(ctx context.Context, retired map[string]bool) ([]string, error) {
	records, err := o.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return nil, err
	}
	manifests := maps.Clone(retired)
	for _, obj := range o.Rollout.Objects {
		manifests[kube.ID(obj)] = true
	}
	for _, id := range o.Known.LeftOut {
		manifests[id] = true
	}
	left, err := leftBehind(ctx, o.Rollout.Cluster, o.Rollout.Namespace, records, manifests)
	return slices.DeleteFunc(left, func(id string) bool { // what the undo deletes is left by nobody
		c := changeOf(o.Rollout.Undone, id)
		return c != nil && c.Before == nil
	}), err
}

func (o *Planning) object(hasher *ledger.Hasher, d rollout.Difference) plan.Object {
	before, after := d.States()
	out := plan.Object{ID: kube.ID(d.Object), Service: d.Service, Action: plan.Change}
	switch {
	case d.Replaced:
		out.Action = plan.Replace
	case d.Before == nil:
		out.Action = plan.Create
	}
	out.Fields = plan.Fields(before, after, func(field, value string) (string, bool) {
		if !o.secret(d.Object, field, value) {
			return "", false
		}
		return hasher.Hash(out.ID+" "+field, value), true
	})
	if len(out.Fields) == 0 {
		out.Action = plan.Own
	}
	return out
}

// secret reports whether a value must not be shown: what a Secret holds, what
// kubectl noted of one, and known values wherever somebody wrote them.
func (o *Planning) secret(obj *kube.Object, field, value string) bool {
	if obj.GetKind() == "Secret" && (strings.HasPrefix(field, "data") || strings.HasPrefix(field, "stringData") || strings.Contains(field, "last-applied")) {
		return true
	}
	return o.hides(value)
}

// hides tells texts with a secret in them, in whatever form.
func hides(secrets []string) func(text string) bool {
	redact := platform.Redactor(secrets)
	return func(text string) bool { return redact(text) != text }
}

func service(s rollout.Service, differences []rollout.Difference) plan.Service {
	out := plan.Service{Name: s.Name, After: s.Image, Port: s.Port, Health: s.Health}
	i := slices.IndexFunc(differences, func(d rollout.Difference) bool { return d.Service == s.Name })
	if i < 0 {
		return out
	}
	d := differences[i]
	if out.After == "" {
		out.After = imageOf(d.Object, s.Name)
	}
	if d.Before == nil {
		if out.Changed = true; d.Retired != nil {
			out.Before = imageOf(d.Retired, s.Name)
		}
		return out
	}
	out.Before = imageOf(d.Before, s.Name)
	before, after := d.States()
	out.Changed = len(plan.Fields(podTemplate(before), podTemplate(after), nil)) > 0
	return out
}

// imageOf is the image of a service in its workload: the one named like it, else the first.
func imageOf(obj *kube.Object, service string) string {
	images := kube.Images(obj)
	for _, image := range images {
		if path.Base(kube.ImageName(image)) == service {
			return image
		}
	}
	if len(images) == 0 {
		return ""
	}
	return images[0]
}

// podTemplate is what pods are made from; whatever changes in it replaces them.
func podTemplate(state map[string]any) map[string]any {
	spec, _ := state["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	return template
}
