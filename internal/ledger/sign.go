package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/teei/slipway/internal/platform"
)

// signed is a record as it leaves its environment: others trust the key that
// its environment signs with, and need no way into its cluster.
type signed struct {
	Record    json.RawMessage `json:"record"`
	Signature string          `json:"signature"` // Ed25519 (RFC 8032) over the bytes of Record, base64
}

// SigningKey reads a private key: base64 of the 32 bytes of its seed.
func SigningKey(text string) (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, &platform.UsageError{Message: "the key to sign records with is not base64 of 32 bytes", Advice: "`openssl rand -base64 32` makes one"}
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// PublicKey is the half of a key that others check signatures with, in base64.
func PublicKey(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// WriteSigned writes a record with its signature.
func (r *Record) WriteSigned(file string, key ed25519.PrivateKey) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	out, err := json.Marshal(signed{Record: data, Signature: base64.StdEncoding.EncodeToString(ed25519.Sign(key, data))})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(out, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the signed record: %w", err)
	}
	return nil
}

// ReadSigned reads a record that was signed with the private half of a key.
func ReadSigned(file, public string) (*Record, error) {
	key, err := base64.StdEncoding.DecodeString(public)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, &platform.UsageError{Message: "the key that records are checked with is not base64 of 32 bytes", Advice: "`slipway release --sign` prints it"}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the signed record: %w", err)
	}
	s, err := unwrap(data)
	if err != nil || s == nil {
		return nil, &DamagedError{Object: file, Err: errors.Join(errors.New("it is no signed record"), err)}
	}
	signature, err := base64.StdEncoding.DecodeString(s.Signature)
	if err != nil || !ed25519.Verify(key, s.Record, signature) {
		return nil, &DamagedError{Object: file, Err: errors.New("its signature is not that of the key")}
	}
	var r Record
	if err := json.Unmarshal(s.Record, &r); err != nil {
		return nil, &DamagedError{Object: file, Err: err}
	}
	return &r, nil
}

// unwrap returns the parts of a signed record, nil for one that is not signed.
func unwrap(data []byte) (*signed, error) {
	var s signed
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&s); err != nil {
		return nil, err
	}
	if s.Signature == "" || len(s.Record) == 0 {
		return nil, nil
	}
	return &s, nil
}
