package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Present is the release that the environment is at: the newest that was
// released and not taken back. It is nil if there is none, and while one that
// ended in the middle is neither.
func (l *Ledger) Present(ctx context.Context) (*Record, error) {
	records, err := l.Releases(ctx)
	if err != nil && !errors.As(err, new(*DamagedError)) {
		return nil, err
	}
	for _, r := range records {
		if !r.State.Finished() {
			return nil, nil
		}
		if r.State == Released {
			return r, nil
		}
	}
	return nil, nil
}

// Runs is the release whose state an environment is in, among records given newest
// first; after a rollback it is the one that was gone back to. It is 0 for none.
// While a release is under way, or ended in the middle, it is the one before that.
func Runs(records []*Record) int {
	for _, r := range records {
		switch {
		case r.State == Released && r.RollbackTo != nil:
			return *r.RollbackTo
		case r.State == Released:
			return r.Number
		}
	}
	return 0
}

// Sentence says what an environment runs, and what became of the newest release
// where that is another one. The records are given newest first.
func Sentence(records []*Record) string {
	if len(records) == 0 {
		return "nothing was released yet"
	}
	r, at := records[0], Runs(records)
	runs := fmt.Sprintf("runs #%d", at)
	if at == 0 {
		runs = "no release runs"
	}
	switch {
	case r.State == Running:
		return fmt.Sprintf("%s; #%d is under way, or ended in the middle", runs, r.Number)
	case r.State == Stuck:
		return fmt.Sprintf("#%d is stuck: part of it and part of what ran before (%s) may run side by side", r.Number, before(at))
	case r.Word() == Uninstalled:
		return fmt.Sprintf("nothing runs; #%d uninstalled it", r.Number)
	case r.State == Released && r.RollbackTo != nil && *r.RollbackTo == 0:
		return fmt.Sprintf("runs what was there before its first release; #%d went back to that", r.Number)
	case r.State == Released && r.RollbackTo != nil:
		return fmt.Sprintf("%s; #%d went back to it", runs, r.Number)
	case r.State == Failed && r.RollbackTo != nil:
		return fmt.Sprintf("%s; #%d, a rollback, failed before it changed anything", runs, r.Number)
	case r.State == Failed:
		return fmt.Sprintf("%s; #%d failed and was rolled back", runs, r.Number)
	}
	return runs
}

// Now is the Sentence of this environment, "" where the ledger cannot be asked. A run
// that was cancelled has seconds left, and waits no longer.
func (l *Ledger) Now(ctx context.Context) string {
	if l.cluster == nil {
		return "" // it was never opened
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer stop()
	records, err := l.Releases(ctx)
	if err != nil && !errors.As(err, new(*DamagedError)) {
		return ""
	}
	return Sentence(records)
}

func before(at int) string {
	if at == 0 {
		return "no release"
	}
	return fmt.Sprintf("#%d", at)
}
