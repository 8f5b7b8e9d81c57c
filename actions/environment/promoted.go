package environment

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/teei/slipway/internal/publish"
)

// Elsewhere is where GitHub shows the releases of another environment, which are
// promoted; nil where it does not, or where this is no job of a workflow.
func (e *Environment) Elsewhere(environment string) (*publish.Place, error) {
	place, err := e.placeOf(environment)
	if place == nil || err != nil || !place.Rules.Deployments {
		return nil, err
	}
	return place, nil
}

// FetchRecord writes the signed record of a release elsewhere, such as staging #41,
// into a file, as GitHub carries it. It reports whether GitHub has one.
func (e *Environment) FetchRecord(ctx context.Context, environment, release, file string) (bool, error) {
	place, err := e.Elsewhere(environment)
	if place == nil || err != nil {
		return false, err
	}
	signed, err := place.Signed(ctx, release)
	if signed == nil || err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return false, fmt.Errorf("write the record of %s: %w", release, err)
	}
	if err := os.WriteFile(file, signed, 0o644); err != nil {
		return false, fmt.Errorf("write the record of %s: %w", release, err)
	}
	return true, nil
}

// RecordFile is that of the promoted release's record in the folder of a plan.
const RecordFile = "record.json"
