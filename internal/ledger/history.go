package ledger

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
)

// prune forgets the oldest releases beyond those that are kept, and Secrets that
// nothing refers to: a process may have died between writing one and noting it.
func (l *Ledger) prune(ctx context.Context) error {
	// Secrets first: whatever is written meanwhile is not among them.
	chunks, err := l.cluster.Metadata(ctx, kube.Secrets, l.Namespace, releaseLabel)
	if err != nil {
		return err
	}
	stored, err := l.stored(ctx)
	if err != nil {
		return err
	}
	// A record that is damaged stays, and all that belongs to it.
	records, _ := parseAll(stored)
	there := map[string]bool{}
	for _, s := range stored {
		there[s.Labels[releaseLabel]] = true
	}
	of := map[string]*Record{}
	for _, r := range records {
		of[strconv.Itoa(r.Number)] = r
	}
	forgotten := forgettable(records, l.Keep)
	for _, chunk := range chunks {
		number := chunk.Labels[releaseLabel]
		if !writtenHere(chunk) {
			continue // a copy that somebody keeps has the label as well
		}
		if r := of[number]; there[number] && (r == nil || !slices.Contains(forgotten, r) && !orphan(r, chunk)) {
			continue
		}
		if err := l.cluster.Delete(ctx, l.named("Secret", chunk.Name)); err != nil {
			return err
		}
	}
	// The records last: without them nobody would know whose the Secrets were.
	for _, r := range forgotten {
		if err := l.cluster.Delete(ctx, l.named("ConfigMap", recordName(r.Number))); err != nil {
			return err
		}
	}
	return nil
}

// writtenHere reports whether a Secret is one that a release wrote: by its labels, and
// named after the release that it is of.
func writtenHere(chunk metav1.PartialObjectMetadata) bool {
	number, err := strconv.Atoi(chunk.Labels[releaseLabel])
	return err == nil && chunk.Labels["app.kubernetes.io/managed-by"] == kube.Manager && strings.HasPrefix(chunk.Name, recordName(number)+"-")
}

// orphan reports whether a Secret belongs to no step of a release that has ended.
func orphan(r *Record, chunk metav1.PartialObjectMetadata) bool {
	return r.State.Finished() && !slices.ContainsFunc(r.Steps, func(s Step) bool {
		return slices.ContainsFunc(s.Before, func(c Chunk) bool { return c.Secret == chunk.Name })
	})
}

// forgettable are the releases, given newest first, that nobody needs any more.
// However many attempts failed since, it is none of those that the environment is
// at, would go back to, or was left in the middle of.
func forgettable(records []*Record, keep int) (out []*Record) {
	var released, standing, finished int
	for _, r := range records {
		if !r.State.Finished() {
			continue
		}
		needed := false
		if r.State == Released {
			released++
			needed = released == 1
		}
		if r.Standing() {
			standing++
			needed = needed || standing <= 2
		}
		if finished++; finished > cmp.Or(keep, DefaultKeep) && !needed {
			out = append(out, r)
		}
	}
	return out
}
