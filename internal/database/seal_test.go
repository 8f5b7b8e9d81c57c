package database

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// TestSeal: a backup that is kept elsewhere tells nobody anything, and whoever has
// the key of one of those it is for gets it as it was.
func TestSeal(t *testing.T) {
	here, sealed := t.TempDir(), filepath.Join(t.TempDir(), "sealed")
	t.Setenv("TMPDIR", t.TempDir())
	dump := filepath.Join(here, "shop.dump")
	content := bytes.Repeat([]byte("what people entered\n"), 10_000)
	if err := errors.Join(os.WriteFile(dump, content, 0o600), os.Mkdir(sealed, 0o700), os.WriteFile(filepath.Join(sealed, "shop-20261101T000000Z-0a1b.dump.age"), nil, 0o600)); err != nil {
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
		got, err := Unseal(filepath.Join(sealed, "shop.dump.age"), identity.String()+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if found, err := Digest(got.Dump); err != nil || found != sum || filepath.Base(got.Dump) != "shop.dump" {
			t.Errorf("%s: %s, %v", got.Dump, found, err)
		}
		if info, err := os.Stat(got.Dump); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it: %v, %v", info.Mode(), err)
		}
		holdsNothing(t, filepath.Dir(got.Dump))
		if err := got.Close(); err != nil {
			t.Error(err)
		}
		nothingIsLeft(t)
	}

	for name, tt := range map[string]struct{ key, says string }{
		"of somebody else": {stranger.String(), "encrypted for other keys"},
		"no key":           {"AGE-SECRET-KEY-1hunter2", "no private key of age"},
	} {
		_, err := Unseal(filepath.Join(sealed, "shop.dump.age"), tt.key)
		if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
		nothingIsLeft(t)
	}
	cut := filepath.Join(sealed, "shop.dump.age")
	data, err := os.ReadFile(cut)
	if err != nil || os.WriteFile(cut, data[:len(data)/2], 0o600) != nil {
		t.Fatal(err)
	}
	if _, err := Unseal(cut, first.String()); err == nil {
		t.Error("half of one is taken for a backup")
	}
	nothingIsLeft(t)
}

func nothingIsLeft(t *testing.T) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "slipway-backup-*")); len(left) > 0 {
		t.Errorf("left behind %q", left)
	}
}

// holdsNothing fails where a folder holds data under a name.
func holdsNothing(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) == 0 {
		t.Errorf("%v, %v", entries, err)
	}
	for _, entry := range entries {
		if entry.Type() != os.ModeSymlink {
			t.Errorf("%s is there, as %v", entry.Name(), entry.Type())
		}
	}
}

// TestUnsealedAndKilled: pg_restore reads what was decrypted, with several workers,
// and a kill -9 in its middle leaves nobody anything to read.
func TestUnsealedAndKilled(t *testing.T) {
	url, b := backedUp(t)
	sealed, key := filepath.Join(t.TempDir(), "sealed"), identityOf(t)
	if err := Seal(b.Path, sealed, []string{key.Recipient().String()}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	file := filepath.Join(sealed, filepath.Base(b.Path)+SealedSuffix)
	for _, killed := range []bool{true, false} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "RESTORE_TEST_URL="+url, "RESTORE_TEST_DUMP="+file, "RESTORE_TEST_KEY="+key.String(), "RESTORE_TEST_TOOLS="+pg.bin)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := bufio.NewScanner(out)
		if !said.Scan() {
			t.Fatal("it says nothing")
		}
		dump := said.Text()
		holdsNothing(t, filepath.Dir(dump))
		if killed {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			holdsNothing(t, filepath.Dir(dump))
			if data, err := os.ReadFile(dump); err == nil {
				t.Errorf("%d bytes can be read", len(data))
			}
			continue
		}
		in.Close() // it goes on
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		isBack(t, url)
	}
}

// unsealRole is what the process does that is killed: it says where the backup
// is, waits, and restores it.
func unsealRole(sealed, key string) error {
	u, err := Unseal(sealed, key)
	if err != nil {
		return err
	}
	fmt.Println(u.Dump)
	_, _ = io.Copy(io.Discard, os.Stdin)
	_, err = Restore(context.Background(), RestoreOptions{URL: os.Getenv("RESTORE_TEST_URL"), Dump: u.Dump, Tools: os.Getenv("RESTORE_TEST_TOOLS"), Label: "7", Jobs: 4})
	return errors.Join(err, u.Close())
}

func identityOf(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// A folder that people keep other things in is not emptied for a backup.
func TestSealLeavesOthersFilesAlone(t *testing.T) {
	here, sealed := t.TempDir(), t.TempDir()
	dump := filepath.Join(here, "shop-20261101T000000Z-0a1b.dump")
	if err := errors.Join(os.WriteFile(dump, nil, 0o600), os.WriteFile(dump+ManifestSuffix, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	key := identityOf(t).Recipient().String()
	for range 2 { // what it wrote itself is in nobody's way
		if err := Seal(dump, sealed, []string{key}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"letters.age", "folder"} {
		mine := filepath.Join(sealed, name)
		write := func() error { return os.WriteFile(mine, []byte("mine"), 0o600) }
		if name == "folder" {
			write = func() error { return os.Mkdir(mine, 0o700) }
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}
		wantError(t, Seal(dump, sealed, []string{key}), Refused, "holds "+name)
		if _, err := os.Stat(mine); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
		if err := os.Remove(mine); err != nil {
			t.Fatal(err)
		}
	}
}

// Half-written dumps of killed runs go, and nothing else that is named like one.
func TestSweepLeavesOthersFilesAlone(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"shop-20200101T000000Z-0000.dump": "PGDMP...", "shop-20200101T000000Z-0001.dump": "", // killed
		"shop-20200101T000000Z-0002.dump": "a letter", "shop.dump": "PGDMP...",
	} {
		file := filepath.Join(dir, name+partialSuffix)
		if err := errors.Join(os.WriteFile(file, []byte(content), 0o600), os.Chtimes(file, time.Time{}, time.Now().Add(-2*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	sweep(dir, time.Now())
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 2 || !strings.HasSuffix(left[0], "0002.dump"+partialSuffix) || !strings.HasSuffix(left[1], "shop.dump"+partialSuffix) {
		t.Errorf("left: %q", left)
	}
}
