package database

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// SealedSuffix is that of a file of a backup that was encrypted.
const SealedSuffix = ".age"

// Seal encrypts a verified backup into a folder, its dump and its manifest, for
// the public keys of age: it holds what people entered, and is to be kept where
// others can read files. What the folder held before is gone.
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
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return explainFile(doing, dir, err)
	}
	for _, file := range []string{dump, dump + ManifestSuffix} {
		sealed := filepath.Join(dir, filepath.Base(file)+SealedSuffix)
		if err := convert(file, sealed, func(in io.Reader, out io.Writer) error { return encrypt(in, out, recipients) }); err != nil {
			return explainFile(doing, sealed, err)
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

// Unseal decrypts a backup into a folder with a private key of age, and returns
// its dump, which has its manifest beside it.
func Unseal(sealed, dir, key string) (dump string, err error) {
	doing := "decrypt the backup " + sealed
	identity, err := age.ParseX25519Identity(strings.TrimSpace(key))
	if err != nil { // which may quote the key
		return "", fail(BadURL, doing, errors.New("the key is no private key of age"), "give the line of `age-keygen` that begins with AGE-SECRET-KEY-1")
	}
	dump = strings.TrimSuffix(sealed, SealedSuffix)
	target := filepath.Join(dir, filepath.Base(dump))
	for _, suffix := range []string{"", ManifestSuffix} {
		err := convert(dump+suffix+SealedSuffix, target+suffix, func(in io.Reader, out io.Writer) error { return decrypt(in, out, identity) })
		if errors.As(err, new(*age.NoIdentityMatchError)) {
			return "", fail(Denied, doing, errors.New("it was encrypted for other keys"), "give the private half of a key that slipway.yaml named then under sealBackups")
		}
		if err != nil {
			return "", explainFile(doing, dump, err)
		}
	}
	return target, nil
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
