package environment

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/teei/slipway/internal/gate"
	"github.com/teei/slipway/internal/ledger"
)

// Variables are the keyed hashes of the values that would be released, beside
// those of the last release.
func (e *Environment) Variables(ctx context.Context) (k gate.Kept, err error) {
	records, err := e.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return k, err
	}
	slices.SortFunc(records, func(a, b *ledger.Record) int { return b.Number - a.Number })
	var newest map[string]ledger.Variable // of whatever became of it
	for _, r := range records {
		if r.Variables != nil && newest == nil {
			newest = r.Variables
		}
		if r.Variables != nil && r.State == ledger.Released {
			k.Last = r.Variables
			break
		}
	}
	hasher, err := e.Ledger.Hasher(ctx)
	if err != nil {
		return k, err
	}
	values := map[string]string{}
	for _, name := range e.Platform.Required() {
		values[name] = e.Target.Values[name]
	}
	k.Now = ledger.Variables(hasher, values, newest, time.Now())
	return k, nil
}
