package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
)

const (
	releaseLabel = "slipway.dev/release"
	recordKey    = "record.json"
	packedKey    = "record.json.zst" // instead, of one that is too large
	chunkKey     = "part"
)

func recordName(number int) string { return fmt.Sprintf("release-%06d", number) }

// Releases lists the records, newest first. Damaged ones are left out and
// named in the error, which then joins *DamagedError: the others can be used.
func (l *Ledger) Releases(ctx context.Context) ([]*Record, error) {
	stored, err := l.stored(ctx)
	if err != nil {
		return nil, err
	}
	records, damaged := parseAll(stored)
	if err := l.foreign(records); err != nil {
		return nil, err
	}
	errs := make([]error, len(damaged))
	for i, d := range damaged {
		errs[i] = d
	}
	return records, errors.Join(errs...)
}

// stored are the objects that hold records. Where there are none, an older version
// may have recorded some elsewhere; then it fails with a *FormerError.
func (l *Ledger) stored(ctx context.Context) ([]*corev1.ConfigMap, error) {
	if err := l.check(ctx); err != nil {
		return nil, err
	}
	stored, err := kube.List[corev1.ConfigMap](ctx, l.cluster, kube.ConfigMaps, l.Namespace, releaseLabel, "")
	if err == nil && len(stored) == 0 {
		err = l.begins(ctx)
	}
	for _, s := range stored {
		switch {
		case s.Name == movingName:
			return nil, &MovingError{Environment: l.Environment, Ledger: l.Namespace, Former: s.Data["from"]}
		case l.former && s.Annotations[movedNote] != "":
			return slices.DeleteFunc(stored, func(s *corev1.ConfigMap) bool { return s.Annotations[movedNote] != "" }), err
		}
	}
	return stored, err
}

// parseAll returns the records, newest first, and what is wrong with the others.
func parseAll(stored []*corev1.ConfigMap) (records []*Record, damaged []*DamagedError) {
	for _, s := range stored {
		record, err := parse(s)
		if err != nil {
			damaged = append(damaged, err)
			continue
		}
		records = append(records, record)
	}
	slices.SortFunc(records, func(a, b *Record) int { return b.Number - a.Number })
	return records, damaged
}

// Release reads one record; it is nil if there is none of that number.
func (l *Ledger) Release(ctx context.Context, number int) (*Record, error) {
	record, _, err := l.read(ctx, number)
	return record, err
}

func (l *Ledger) read(ctx context.Context, number int) (*Record, *corev1.ConfigMap, error) {
	if err := l.check(ctx); err != nil {
		return nil, nil, err
	}
	stored, err := kube.GetOne[corev1.ConfigMap](ctx, l.cluster, kube.ConfigMaps, l.Namespace, recordName(number))
	if err == nil && stored == nil {
		err = l.begins(ctx)
	}
	if err != nil || stored == nil {
		return nil, nil, err
	}
	record, damaged := parse(stored)
	if damaged != nil {
		return nil, stored, damaged
	}
	if err := l.foreign([]*Record{record}); err != nil {
		return nil, stored, err
	}
	return record, stored, nil
}

// parse trusts nothing: people edit what they can reach.
func parse(stored *corev1.ConfigMap) (*Record, *DamagedError) {
	damaged := func(err error) *DamagedError {
		number, _ := strconv.Atoi(strings.TrimPrefix(stored.Name, "release-")) // 0 is older than all
		return &DamagedError{Object: "ConfigMap/" + stored.Namespace + "/" + stored.Name, Err: err, number: number}
	}
	data, err := unpack(stored)
	if err != nil {
		return nil, damaged(fmt.Errorf("%s: %w", packedKey, err))
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	record := &Record{}
	if err := decoder.Decode(record); err != nil {
		return nil, damaged(fmt.Errorf("%s: %w", recordKey, err))
	}
	if recordName(record.Number) != stored.Name {
		return nil, damaged(fmt.Errorf("%s is of release %d", recordKey, record.Number))
	}
	if !slices.Contains([]State{Running, Released, Failed, RolledBack, Stuck}, record.State) {
		return nil, damaged(fmt.Errorf("%s: unknown state %q", recordKey, record.State))
	}
	return record, nil
}

// object is what holds a record.
func (l *Ledger) object(record *Record) (*kube.Object, error) {
	holds := corev1.ConfigMap{ObjectMeta: l.meta(recordName(record.Number), record.Number)}
	if err := pack(record, &holds); err != nil {
		return nil, err
	}
	return kube.Untyped("v1", "ConfigMap", holds)
}

func (l *Ledger) meta(name string, number int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: l.Namespace,
		Labels: map[string]string{releaseLabel: strconv.Itoa(number), "app.kubernetes.io/managed-by": kube.Manager},
	}
}

func (l *Ledger) named(kind, name string) *kube.Object {
	obj := &kube.Object{}
	obj.SetAPIVersion("v1")
	obj.SetKind(kind)
	obj.SetNamespace(l.Namespace)
	obj.SetName(name)
	return obj
}
