package database

import (
	"context"
	"time"
)

// Taken is when a backup was taken, and the hash of its file.
type Taken struct {
	At     time.Time
	SHA256 string
}

// TakenOf reads from a backup's manifest when it was taken. It fails for a
// file that is not the one which was verified, and for one of another database
// than the one at an address.
func TakenOf(ctx context.Context, url, dump string) (t Taken, err error) {
	a, err := ParseURL(url)
	if err != nil {
		return t, err
	}
	m, err := readManifest(dump)
	if err != nil {
		return t, err
	}
	conn, err := connect(ctx, a)
	if err != nil {
		return t, err
	}
	defer hangUp(conn)
	doing := "take " + dump + " for the backup"
	here, _, err := identify(ctx, conn)
	if err != nil {
		return t, explain(ctx, doing, err)
	}
	return Taken{At: m.Taken.UTC().Truncate(time.Second), SHA256: m.SHA256}, m.admit(dump, doing, here)
}
