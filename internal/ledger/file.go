package ledger

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// WriteTo writes the record into a folder, all of it or nothing, to be read
// when the cluster is away.
func (r *Record) WriteTo(folder string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(folder, ".release-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(data, '\n'))
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), filepath.Join(folder, recordName(r.Number)+".json"))
}
