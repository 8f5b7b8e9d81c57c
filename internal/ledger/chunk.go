package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// chunkSize leaves room below the API server's limit of 1 MiB of data in an
// object (corev1.MaxSecretSize), and etcd's of 1.5 MiB with base64 around it.
const chunkSize = 700 << 10

// largestWhole bounds what a damaged or hostile chunk can unpack to.
const largestWhole = 256 << 20

// split compresses data and cuts it into chunks.
func split(data []byte) ([][]byte, error) {
	packed, err := compress(data)
	if err != nil {
		return nil, err
	}
	var chunks [][]byte
	for rest := packed; len(rest) > 0; {
		n := min(len(rest), chunkSize)
		chunks, rest = append(chunks, rest[:n]), rest[n:]
	}
	return chunks, nil
}

func compress(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// join is the reverse of split.
func join(chunks [][]byte) ([]byte, error) {
	r, err := zstd.NewReader(bytes.NewReader(bytes.Join(chunks, nil)), zstd.WithDecoderMaxMemory(largestWhole), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, largestWhole+1))
	if err == nil && len(data) > largestWhole {
		err = errors.New("it unpacks to more than anything a release writes")
	}
	return data, err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func checkDigest(data []byte, want string) error {
	if got := digest(data); got != want {
		return fmt.Errorf("its SHA-256 is %s, and was %s when it was written", short(got), short(want))
	}
	return nil
}

func short(digest string) string { return digest[:min(12, len(digest))] }
