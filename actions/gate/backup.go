package gate

import (
	"context"
	"fmt"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// Backup reads the report of a backup that was taken since the approval, nil if
// none is named. It must be whole, on this machine, and of this environment's
// database: nobody approved it.
func Backup(ctx context.Context, e *environment.Environment, file string) (*plan.Item, error) {
	if file == "" {
		return nil, nil
	}
	const advice = "give the report.json of `ci backup` for this environment, of this job"
	refuse := func(format string, args ...any) error {
		return &platform.UsageError{Message: "take " + file + " for the backup: " + fmt.Sprintf(format, args...), Advice: advice}
	}
	r, err := report.Read(file)
	if err != nil {
		return nil, refuse("%v", err)
	}
	switch {
	case r.Platform != e.Platform.Name || r.Target != e.Target.Environment:
		return nil, refuse("it is of %s in %s", r.Platform, r.Target)
	case r.Backup == nil || !r.Backup.Verified:
		return nil, refuse("it has no backup that was restored and compared")
	}
	url, err := e.DatabaseURL()
	if err != nil {
		return nil, err
	}
	taken, err := database.TakenOf(ctx, url, r.Backup.Path)
	if err != nil {
		return nil, err
	}
	if taken.SHA256 != r.Backup.SHA256 {
		return nil, refuse("its file is another one")
	}
	return &plan.Item{
		Kind: plan.Backup, Name: "database, again", SHA256: taken.SHA256, At: taken.At, Passed: true, File: r.Backup.Path,
		Detail: report.Count(r.Backup.Tables, "table") + " restored and compared",
	}, nil
}
