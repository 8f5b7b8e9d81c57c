package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gowebpki/jcs"
)

// Canonical is JSON as RFC 8785 has it: the same bytes for the same content.
func Canonical(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(data)
}

// Digest is the SHA-256 of a value's canonical JSON, in hexadecimal.
func Digest(v any) (string, error) {
	data, err := Canonical(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Digest of a plan is what `sha256sum plan.json` prints.
func (p *Plan) Digest() (string, error) { return Digest(p) }

// ReadPlan reads a plan. Anything in it that this version does not know is an
// error: it would be approved unseen.
func ReadPlan(data []byte) (*Plan, error) {
	var p Plan
	if err := read(data, &p); err != nil {
		return nil, &ReadError{What: "plan", Err: err}
	}
	if p.Version != Version {
		return nil, &ReadError{What: "plan", Err: fmt.Errorf("its version is %d, this slipway knows %d", p.Version, Version)}
	}
	return &p, nil
}

// ReadEvidence reads the evidence for a plan.
func ReadEvidence(data []byte) (*Evidence, error) {
	var e Evidence
	if err := read(data, &e); err != nil {
		return nil, &ReadError{What: "evidence", Err: err}
	}
	return &e, nil
}

func read(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows after its end")
	}
	// Two spellings of one content would have two digests.
	canonical, err := Canonical(into)
	if err != nil {
		return err
	}
	if !bytes.Equal(canonical, data) {
		return errors.New("it is not in canonical form: it was edited or formatted")
	}
	return nil
}

// ReadError says that a file is no plan or no evidence.
type ReadError struct {
	What string
	Err  error
}

func (e *ReadError) Error() string { return fmt.Sprintf("read the %s: %v", e.What, e.Err) }

// Unwrap returns the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// Usage marks that nothing was begun.
func (e *ReadError) Usage() bool { return true }

// Hint says what to do about it.
func (e *ReadError) Hint() string { return "take the files as `slipway plan` wrote them" }
