package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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

// ReadFile reads what WriteTo wrote, or WriteSigned, without looking at the signature.
func ReadFile(file string) (*Record, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the record of a release: %w", err)
	}
	if s, _ := unwrap(data); s != nil {
		data = s.Record
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil || r.Number == 0 || r.Environment == "" {
		return nil, &DamagedError{Object: file, Err: errors.New("it is no record of a release")}
	}
	return &r, nil
}

// releaseName is a release as people write it.
var releaseName = regexp.MustCompile(`^([a-z0-9][-a-z0-9]*) ?#([0-9]{1,9})$`)

// ParseName reads a release's name, such as staging#41 or "staging #41".
func ParseName(name string) (environment string, number int, err error) {
	m := releaseName.FindStringSubmatch(name)
	if m == nil {
		return "", 0, fmt.Errorf("%q names no release", name)
	}
	number, err = strconv.Atoi(m[2])
	return m[1], number, err
}
