package database

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Loss is an estimate of what going back to a backup loses: the writes that the
// server counted since. Its statistics are sent with a delay, may be reset, and
// do not count TRUNCATE, so it is no exact number.
type Loss struct {
	Since  time.Time        // when the backup was taken
	Tables map[string]int64 // rows written since, by table
	// Unknown are tables that are gone, or whose counters are smaller than they were.
	Unknown []string
	// Reset tells that the server began to count anew since, so that nothing is
	// known: its statistics were reset, it crashed, or the database was restored.
	Reset bool
}

// Writes are the rows written since, in all tables.
func (l Loss) Writes() (n int64) {
	for _, writes := range l.Tables {
		n += writes
	}
	return n
}

func (l Loss) String() string {
	if l.Reset {
		return "an unknown number of rows written since " + l.Since.Format(time.RFC3339) + ": the server began to count anew after the backup"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(l.Tables)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, l.Tables[name]))
	}
	text := "an estimate: no row was written since " + l.Since.Format(time.RFC3339)
	if len(parts) > 0 {
		text = fmt.Sprintf("an estimate: %s inserted, updated or deleted since %s (%s)", plural(int(l.Writes()), "row"), l.Since.Format(time.RFC3339), some(parts))
	}
	if len(l.Unknown) > 0 {
		text += "; not known of " + some(l.Unknown) + ", which are gone or whose statistics were reset"
	}
	return text
}

// EstimateLoss says what going back to the dump would lose.
func EstimateLoss(ctx context.Context, rawURL, dump string) (Loss, error) {
	m, err := readManifest(dump)
	if err != nil {
		return Loss{}, err
	}
	a, err := ParseURL(rawURL)
	if err != nil {
		return Loss{}, err
	}
	conn, err := connect(ctx, a)
	if err != nil {
		return Loss{}, err
	}
	defer hangUp(conn)
	doing := "estimate what " + a.String() + " would lose"
	here, count, err := identify(ctx, conn)
	if err != nil {
		return Loss{}, explain(ctx, doing, err)
	}
	if err := m.admit(dump, doing, here); err != nil {
		return Loss{}, err
	}
	if count != m.Counting {
		return Loss{Since: m.Taken, Reset: true}, nil
	}
	now, err := readWrites(ctx, conn)
	if err != nil {
		return Loss{}, explain(ctx, doing, err)
	}
	return m.loss(now), nil
}

func (m manifest) loss(now map[string]writes) Loss {
	l := Loss{Since: m.Taken, Tables: map[string]int64{}}
	for name, after := range now {
		if strings.HasPrefix(name, "drizzle.") || strings.HasPrefix(name, "slipway.") {
			continue // what a migrator or Slipway notes is not anybody's data
		}
		switch n := after.total() - m.Writes[name].total(); {
		case n < 0:
			l.Unknown = append(l.Unknown, name)
		case n > 0:
			l.Tables[name] = n
		}
	}
	for name := range m.Writes {
		if _, ok := now[name]; !ok {
			l.Unknown = append(l.Unknown, name)
		}
	}
	slices.Sort(l.Unknown)
	return l
}
