package database

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

// TestSeal: a backup that is kept elsewhere tells nobody anything, and whoever has
// the key of one of those it is for gets it as it was.
func TestSeal(t *testing.T) {
	here, sealed, there := t.TempDir(), filepath.Join(t.TempDir(), "sealed"), t.TempDir()
	dump := filepath.Join(here, "shop.dump")
	content := bytes.Repeat([]byte("what people entered\n"), 10_000)
	if err := errors.Join(os.WriteFile(dump, content, 0o600), os.Mkdir(sealed, 0o700), os.WriteFile(filepath.Join(sealed, "older.dump.age"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	sum, _, err := digest(dump)
	if err != nil {
		t.Fatal(err)
	}
	if err := (manifest{SHA256: sum}).write(dump); err != nil {
		t.Fatal(err)
	}
	first, second, stranger := identityOf(t), identityOf(t), identityOf(t)
	if err := Seal(dump, sealed, []string{first.Recipient().String(), second.Recipient().String()}); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(sealed, "*"))
	if len(files) != 2 { // the older one is gone
		t.Fatalf("%q", files)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err != nil || bytes.Contains(data, []byte("what people entered")) || bytes.Contains(data, []byte("sha256")) {
			t.Errorf("%s can be read: %v", file, err)
		}
	}
	for _, identity := range []*age.X25519Identity{first, second} {
		got, err := Unseal(filepath.Join(sealed, "shop.dump.age"), there, identity.String()+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if found, err := Digest(got); err != nil || found != sum {
			t.Errorf("%s, %v", found, err)
		}
		if info, err := os.Stat(got); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it: %v, %v", info.Mode(), err)
		}
	}

	for name, tt := range map[string]struct{ key, says string }{
		"of somebody else": {stranger.String(), "encrypted for other keys"},
		"no key":           {"AGE-SECRET-KEY-1hunter2", "no private key of age"},
	} {
		elsewhere := t.TempDir()
		_, err := Unseal(filepath.Join(sealed, "shop.dump.age"), elsewhere, tt.key)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(elsewhere, "*")); len(left) > 0 {
			t.Errorf("%s: left behind %q", name, left)
		}
	}
	cut := filepath.Join(sealed, "shop.dump.age")
	data, err := os.ReadFile(cut)
	if err != nil || os.WriteFile(cut, data[:len(data)/2], 0o600) != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if _, err := Unseal(cut, elsewhere, first.String()); err == nil {
		t.Error("half of one is taken for a backup")
	}
	if left, _ := filepath.Glob(filepath.Join(elsewhere, "*")); len(left) > 0 {
		t.Errorf("left behind %q", left)
	}
}

func identityOf(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}
