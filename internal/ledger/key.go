package ledger

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/internal/kube"
)

// keySecret holds the key that hashes of secrets are made with.
const (
	keySecret = "hash-key"
	keyField  = "key"
	keySize   = 32
)

// Hasher makes keyed hashes: who sees two of them learns whether the values are
// the same, and without the key, which never leaves the ledger's namespace and
// the process, nobody can try values out.
type Hasher struct{ key []byte }

// Hash of a value in its place, so that the same value in two places does not show.
func (h *Hasher) Hash(place, value string) string {
	mac := hmac.New(sha256.New, h.key)
	fmt.Fprintf(mac, "%d:%s%s", len(place), place, value)
	return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil))[:32]
}

// Hasher reads the environment's key, which is made on first use.
func (l *Ledger) Hasher(ctx context.Context) (*Hasher, error) {
	if err := l.check(ctx); err != nil {
		return nil, err
	}
	live, err := l.cluster.Read(ctx, l.named("Secret", keySecret))
	if err != nil {
		return nil, fmt.Errorf("read the hash key of %s: %w", l.Environment, err)
	}
	if live == nil {
		if live, err = l.newKey(ctx); err != nil {
			return nil, err
		}
	}
	data, err := kube.DataOf(live)
	if err != nil {
		return nil, &DamagedError{Object: "Secret " + l.Namespace + "/" + keySecret, Err: err}
	}
	key := data[keyField]
	if len(key) < keySize {
		return nil, &DamagedError{Object: "Secret " + l.Namespace + "/" + keySecret, Err: fmt.Errorf("its %s is too short to be a key", keyField)}
	}
	return &Hasher{key: []byte(key)}, nil
}

// newKey makes the key, unless somebody else just did.
func (l *Ledger) newKey(ctx context.Context) (*kube.Object, error) {
	if err := l.begins(ctx); err != nil {
		return nil, err
	}
	if err := l.found(ctx); err != nil {
		return nil, err
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	secret, err := kube.Untyped("v1", "Secret", corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: keySecret, Namespace: l.Namespace,
			Labels: map[string]string{"app.kubernetes.io/managed-by": kube.Manager},
		},
		Data: map[string][]byte{keyField: key},
	})
	if err != nil {
		return nil, err
	}
	made, err := l.cluster.Create(ctx, secret)
	if kube.Exists(err) {
		return l.cluster.Read(ctx, secret)
	}
	return made, err
}
