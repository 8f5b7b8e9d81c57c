package database

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"filippo.io/age"
)

// SealedSuffix is that of a file of a backup that was encrypted.
const SealedSuffix = ".age"

// Seal encrypts a verified backup into a folder, its dump and its manifest, for
// the public keys of age: it holds what people entered, and is to be kept where
// others can read files. Backups that were encrypted into the folder before are gone;
// a folder that holds anything else is refused.
func Seal(dump, dir string, keys []string) error {
	doing := "encrypt the backup " + dump
	var recipients []age.Recipient
	for _, key := range keys {
		r, err := age.ParseX25519Recipient(key)
		if err != nil {
			return fail(BadURL, doing, err, "`age-keygen` makes a pair of keys; name the public one, age1…")
		}
		recipients = append(recipients, r)
	}
	if err := clearSealed(doing, dir); err != nil {
		return err
	}
	for _, file := range []string{dump, dump + ManifestSuffix} {
		sealed := filepath.Join(dir, filepath.Base(file)+SealedSuffix)
		if err := convert(file, sealed, func(in io.Reader, out io.Writer) error { return encrypt(in, out, recipients) }); err != nil {
			return explainFile(doing, sealed, err)
		}
	}
	return nil
}

// sealedName is the end of what Seal writes.
var sealedName = regexp.MustCompile(`-\d{8}T\d{6}Z-[0-9a-f]{4}\.dump(\` + ManifestSuffix + `)?\` + SealedSuffix + `$`)

// clearSealed makes a folder that nothing is in. It goes where --output says, which
// may be a folder that people keep other things in.
func clearSealed(doing, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return explainFile(doing, dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return explainFile(doing, dir, err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !sealedName.MatchString(e.Name()) {
			return failf(Refused, doing, "move it away, or name another folder with --output", "%s holds %s, which is no encrypted backup and would be kept with it", dir, e.Name())
		}
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return explainFile(doing, dir, err)
		}
	}
	return nil
}

func encrypt(in io.Reader, out io.Writer, recipients []age.Recipient) error {
	w, err := age.Encrypt(out, recipients...)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return errors.Join(err, w.Close())
}

// Unsealed is a backup that was decrypted. Its files have no names, only links
// that lead to them while this process holds them open: a process that is killed
// leaves links to nothing, and no data.
type Unsealed struct {
	Dump  string // its manifest beside it
	dir   string
	files []*os.File
}

// Close ends the data, and removes what led to them.
func (u *Unsealed) Close() error {
	errs := []error{os.RemoveAll(u.dir)}
	for _, file := range u.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// Unseal decrypts a backup with a private key of age.
func Unseal(sealed, key string) (*Unsealed, error) {
	doing := "decrypt the backup " + sealed
	identity, err := age.ParseX25519Identity(strings.TrimSpace(key))
	if err != nil { // which may quote the key
		return nil, fail(BadURL, doing, errors.New("the key is no private key of age"), "give the line of `age-keygen` that begins with AGE-SECRET-KEY-1")
	}
	dir, err := os.MkdirTemp("", "slipway-backup-")
	if err != nil {
		return nil, explainFile(doing, os.TempDir(), err)
	}
	dump := strings.TrimSuffix(sealed, SealedSuffix)
	u := &Unsealed{Dump: filepath.Join(dir, filepath.Base(dump)), dir: dir}
	for _, suffix := range []string{"", ManifestSuffix} {
		if err = u.add(dump+suffix+SealedSuffix, u.Dump+suffix, identity); err != nil {
			_ = u.Close()
			break
		}
	}
	switch {
	case errors.As(err, new(*age.NoIdentityMatchError)):
		return nil, fail(Denied, doing, errors.New("it was encrypted for other keys"), "give the private half of a key that slipway.yaml named then under sealBackups")
	case err != nil:
		return nil, explainFile(doing, dump, err)
	}
	return u, nil
}

// add decrypts one file.
func (u *Unsealed) add(sealed, to string, identity age.Identity) error {
	in, err := os.Open(sealed)
	if err != nil {
		return err
	}
	defer in.Close()
	out, path, err := nameless(u.dir)
	if err != nil {
		return err
	}
	u.files = append(u.files, out)
	if err := decrypt(in, out, identity); err != nil {
		return err
	}
	return os.Symlink(path, to)
}

func decrypt(in io.Reader, out io.Writer, identity age.Identity) error {
	r, err := age.Decrypt(in, identity)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, r)
	return err
}

// convert writes one file from another; a part of one is none.
func convert(from, to string, with func(io.Reader, io.Writer) error) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(with(in, out), out.Close()); err != nil {
		_ = os.Remove(to)
		return err
	}
	return nil
}
