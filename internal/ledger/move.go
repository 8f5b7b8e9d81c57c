package ledger

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	coordination "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

const (
	// movedNote is the annotation of what a move leaves behind in a former ledger,
	// with the namespace that its records are in now.
	movedNote = "slipway.dev/moved-to"
	// movingName is what stands among the records of a ledger as long as a move to it
	// is under way: it is listed with them, so nobody takes a part for the whole.
	movingName = "moving"
	// movedName looks to an older version like a damaged record of the newest release:
	// it releases nothing then, and says why.
	movedName = "release-999999"
)

// Move brings what older versions recorded of an environment into its own ledger.
// Everything is copied, under the former ledger's lock, and nothing there is changed
// or deleted. What is copied counts only once all of it is.
type Move struct {
	From, To *Ledger
	// Records that are moved, newest first.
	Records []*Record
	// Others are of another platform, and stay where they are.
	Others []Other
	// Lease is how long the former ledger's lock lasts if this process dies. Default: DefaultLease.
	Lease time.Duration
	// Done says that they were moved before.
	Done bool

	holds map[int]*corev1.ConfigMap
}

// Other is a record that is not ours.
type Other struct {
	Record *Record
	// Namespaces that the release touched.
	Namespaces []string
}

// PlanMove looks what there is to move, and changes nothing. Records of another
// platform are refused with a *MixedError, or left where they are with onlyOurs.
func PlanMove(ctx context.Context, cluster *kube.Cluster, of platform.Owner, onlyOurs bool) (*Move, error) {
	from, err := Former(cluster, of)
	if err != nil {
		return nil, err
	}
	to, err := Open(cluster, of)
	if err != nil {
		return nil, err
	}
	m := &Move{From: from, To: to, holds: map[int]*corev1.ConfigMap{}}
	moved, err := m.find(ctx)
	if err != nil {
		return nil, err
	}
	if len(m.Records) == 0 {
		return nil, &NoFormerError{Environment: of.Environment, Former: from.Namespace}
	}
	if err := m.sort(ctx, onlyOurs); err != nil {
		return nil, err
	}
	return m, m.state(ctx, moved)
}

// find reads the former records, and where they were moved to before.
func (m *Move) find(ctx context.Context) (moved string, err error) {
	live, err := m.From.cluster.Read(ctx, namespaceNamed(m.From.Namespace, nil))
	if err != nil || live == nil {
		return "", err
	}
	if err := m.From.accepts(live); err != nil {
		return "", err
	}
	stored, err := kube.List[corev1.ConfigMap](ctx, m.From.cluster, kube.ConfigMaps, m.From.Namespace, releaseLabel, "")
	if err != nil {
		return "", err
	}
	for _, s := range stored {
		if to := s.Annotations[movedNote]; to != "" {
			moved = to
			continue
		}
		record, damaged := parse(s)
		if damaged != nil {
			return "", damaged
		}
		m.Records, m.holds[record.Number] = append(m.Records, record), s
	}
	slices.SortFunc(m.Records, func(a, b *Record) int { return b.Number - a.Number })
	return moved, nil
}

// sort sets apart what is another platform's.
func (m *Move) sort(ctx context.Context, onlyOurs bool) error {
	if err := m.From.foreign(m.Records); err != nil {
		return err
	}
	var mine, nobodys []*Record
	for _, r := range m.Records {
		whose, err := m.From.whose(ctx, m.holds[r.Number])
		if err != nil {
			return err
		}
		places, err := m.From.places(ctx, r)
		switch {
		case err != nil:
			return err
		case whose == both:
			return &MixedError{Former: m.From.Namespace, Ours: m.To.Owner(), Other: Other{r, places}, both: true}
		case whose == theirs:
			m.Others = append(m.Others, Other{r, places})
		case whose == ours:
			mine = append(mine, r)
		default:
			nobodys = append(nobodys, r)
		}
	}
	if len(m.Others) > 0 && (!onlyOurs || len(mine) == 0) {
		return &MixedError{Former: m.From.Namespace, Ours: m.To.Owner(), Other: m.Others[0], none: len(mine) == 0}
	}
	if len(m.Others) > 0 {
		for _, r := range nobodys { // nothing was written by these, and nobody can say for whom
			m.Others = append(m.Others, Other{Record: r})
		}
		m.Records = mine
	}
	if r := firstUnfinished(m.Records); r != nil {
		return &UnfinishedThereError{Release: m.From.Name(r.Number), Former: m.From.Namespace}
	}
	return nil
}

// state looks how far a move got, and refuses a ledger that has begun for itself.
func (m *Move) state(ctx context.Context, moved string) error {
	if err := m.To.check(ctx); err != nil {
		return err
	}
	there, err := kube.List[corev1.ConfigMap](ctx, m.To.cluster, kube.ConfigMaps, m.To.Namespace, releaseLabel, "")
	switch {
	case err != nil:
		return err
	case len(there) == 0 || slices.ContainsFunc(there, func(s *corev1.ConfigMap) bool { return s.Name == movingName }):
		return nil
	case moved == m.To.Namespace || m.holdsOurs(there):
		m.Done = true
		return nil
	}
	return &BegunError{Ledger: m.To.Namespace, Former: m.From.Namespace}
}

// holdsOurs reports whether one of the records is among those that were moved.
func (m *Move) holdsOurs(there []*corev1.ConfigMap) bool {
	return slices.ContainsFunc(there, func(s *corev1.ConfigMap) bool {
		record, damaged := parse(s)
		return damaged == nil && slices.ContainsFunc(m.Records, func(r *Record) bool { return r.Number == record.Number && r.Started.Equal(record.Started) })
	})
}

// Run makes the move. A run that dies is repeated, and goes on.
func (m *Move) Run(ctx context.Context, by Holder) (err error) {
	lock, err := m.From.Acquire(ctx, by, m.Lease)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release(context.WithoutCancel(ctx))) }()
	again, err := PlanMove(ctx, m.From.cluster, m.To.Owner(), len(m.Others) > 0)
	if err != nil || again.Done {
		return err
	}
	if !reflect.DeepEqual(again.Records, m.Records) {
		return &MovedOnError{Former: m.From.Namespace}
	}
	again.To.alone.Store(true) // what is there before it is what we move
	for _, step := range []func(context.Context, *Lock) error{again.begin, again.key, again.kept, again.records, again.lease, again.end} {
		if err := lock.Hold(ctx); err != nil {
			return err
		}
		if err := step(ctx, lock); err != nil {
			return fmt.Errorf("move %s to %s: %w", m.From.Namespace, m.To.Namespace, err)
		}
	}
	return nil
}

// begin makes the namespace, and marks what comes into it as a part.
func (m *Move) begin(ctx context.Context, _ *Lock) error {
	if err := m.To.found(ctx); err != nil {
		return err
	}
	return m.make(ctx, "ConfigMap", corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: movingName, Namespace: m.To.Namespace, Labels: map[string]string{releaseLabel: movingName, managedLabel: kube.Manager}},
		Data:       map[string]string{"from": m.From.Namespace},
	})
}

// key copies the environment's key: hashes of before can be compared with those to come.
func (m *Move) key(ctx context.Context, _ *Lock) error {
	return m.secret(ctx, keySecret)
}

// kept copies how things were before the steps of the releases.
func (m *Move) kept(ctx context.Context, lock *Lock) error {
	copied := map[string]bool{}
	for _, r := range m.Records {
		for _, step := range r.Steps {
			for _, chunk := range step.Before {
				if copied[chunk.Secret] {
					continue
				}
				copied[chunk.Secret] = true
				if err := errors.Join(lock.Hold(ctx), m.secret(ctx, chunk.Secret)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// secret copies one; where it is gone already, the record is as it was before.
func (m *Move) secret(ctx context.Context, name string) error {
	live, err := kube.GetOne[corev1.Secret](ctx, m.From.cluster, kube.Secrets, m.From.Namespace, name)
	if err != nil || live == nil {
		return err
	}
	return m.make(ctx, "Secret", corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: m.To.Namespace, Labels: live.Labels},
		Immutable:  live.Immutable, Type: live.Type, Data: live.Data,
	})
}

// records copies them, byte for byte.
func (m *Move) records(ctx context.Context, lock *Lock) error {
	for _, r := range m.Records {
		stored := m.holds[r.Number]
		if err := lock.Hold(ctx); err != nil {
			return err
		}
		err := m.make(ctx, "ConfigMap", corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: stored.Name, Namespace: m.To.Namespace, Labels: stored.Labels},
			Data:       stored.Data, BinaryData: stored.BinaryData,
		})
		if older := (*otherError)(nil); errors.As(err, &older) && older.live != nil {
			err = m.renew(ctx, lock, older)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renew writes over what an attempt that died had copied of a record: an older version
// may have written it since, as its watch does. That the lock is still ours once the copy
// was read says that no other run has ended the move, and that nothing is written there.
func (m *Move) renew(ctx context.Context, lock *Lock, older *otherError) error {
	if err := lock.Confirm(ctx); err != nil {
		return err
	}
	older.obj.SetResourceVersion(older.live.GetResourceVersion())
	_, err := m.To.cluster.Update(ctx, older.obj)
	return err
}

// otherError says that there is another object of a name already.
type otherError struct{ obj, live *kube.Object }

func (e *otherError) Error() string { return kube.ID(e.obj) + " is there already, and is another one" }

// lease lets the numbers of runs go on: objects carry those of before as stamps.
func (m *Move) lease(ctx context.Context, lock *Lock) error {
	nobody, turns := "", int32(lock.Fence)
	return m.make(ctx, "Lease", coordination.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: lockName, Namespace: m.To.Namespace},
		Spec:       coordination.LeaseSpec{HolderIdentity: &nobody, LeaseTransitions: &turns},
	})
}

// end tells older versions where the records are, and then lets them count.
func (m *Move) end(ctx context.Context, lock *Lock) error {
	if err := lock.Confirm(ctx); err != nil {
		return err
	}
	told, err := kube.Untyped("v1", "ConfigMap", corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name: movedName, Namespace: m.From.Namespace, Labels: map[string]string{releaseLabel: strings.TrimPrefix(movedName, "release-"), managedLabel: kube.Manager},
			Annotations: map[string]string{movedNote: m.To.Namespace},
		},
		Data: map[string]string{recordKey: fmt.Sprintf("{%q: true}", "the releases of "+m.To.Owner().String()+" were moved to "+m.To.Namespace+"; use the version of slipway that moved them")},
	})
	if err != nil {
		return err
	}
	if _, err := m.From.cluster.Create(ctx, told); err != nil && !kube.Exists(err) {
		return err
	}
	return m.To.cluster.Delete(ctx, m.To.named("ConfigMap", movingName))
}

// make writes an object of the new ledger. One that is there is the same, or the
// move is not made over it.
func (m *Move) make(ctx context.Context, kind string, typed any) error {
	version := map[string]string{"Lease": "coordination.k8s.io/v1"}[kind]
	if version == "" {
		version = "v1"
	}
	obj, err := kube.Untyped(version, kind, typed)
	if err != nil {
		return err
	}
	_, err = m.To.cluster.Create(ctx, obj)
	if !kube.Exists(err) {
		return err
	}
	live, err := m.To.cluster.Read(ctx, obj)
	if err != nil {
		return err
	}
	if live == nil || kind != "Lease" && m.To.written(ctx, obj) == nil {
		return &otherError{obj: obj, live: live}
	}
	if kind == "Lease" {
		return m.forward(ctx, obj, live)
	}
	return nil
}

// forward raises the number of a lease that an earlier attempt made.
func (m *Move) forward(ctx context.Context, obj, live *kube.Object) error {
	lease, err := kube.Typed[coordination.Lease](live)
	if err != nil {
		return err
	}
	wanted, err := kube.Typed[coordination.Lease](obj)
	if err != nil || lease.Spec.LeaseTransitions != nil && *lease.Spec.LeaseTransitions >= *wanted.Spec.LeaseTransitions {
		return err
	}
	obj.SetResourceVersion(live.GetResourceVersion())
	_, err = m.To.cluster.Update(ctx, obj)
	return err
}
