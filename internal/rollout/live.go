package rollout

import (
	"context"
	"sync"

	"github.com/teei/slipway/internal/kube"
)

// fewest of one kind and namespace are worth a list, which brings other people's
// too, instead of a request for each.
const fewest = 3

// listed are the kinds of which all may be read: small ones, that hold no secret.
var listed = map[string]bool{"Service": true, deploymentKind: true, statefulSetKind: true, daemonSetKind: true}

// live reads the objects of a rollout as they are, those of one kind at once where
// there are several. It is safe for concurrent use.
type live struct {
	cluster *kube.Cluster
	many    map[string]func() (map[string]*kube.Object, error) // by kind and namespace
}

func newLive(ctx context.Context, c *kube.Cluster, objects []*kube.Object) *live {
	l := &live{cluster: c, many: map[string]func() (map[string]*kube.Object, error){}}
	count := map[string]int{}
	for _, obj := range objects {
		if count[place(obj)]++; count[place(obj)] == fewest && listed[obj.GetKind()] {
			l.many[place(obj)] = sync.OnceValues(func() (map[string]*kube.Object, error) { return c.ReadAll(ctx, obj) })
		}
	}
	return l
}

// read returns the live object, nil if there is none. Who may not list a kind may
// still get each.
func (l *live) read(ctx context.Context, obj *kube.Object) (*kube.Object, error) {
	if many := l.many[place(obj)]; many != nil {
		if all, err := many(); err == nil {
			return all[obj.GetName()], nil
		}
	}
	return l.cluster.Read(ctx, obj)
}

func place(obj *kube.Object) string {
	return obj.GroupVersionKind().String() + " " + obj.GetNamespace()
}
