package rollback

import (
	"context"
	"os"
	"path/filepath"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
)

// backup finds the file that was asked for, and says which backup has to be in
// it: "" where any of the same database may be.
func (o *Options) backup(ctx context.Context, options release.Options) (file, digest string, err error) {
	undone, err := release.Undone(ctx, options, o.To)
	if err != nil {
		return "", "", err
	}
	file = o.Database
	if info, err := os.Stat(file); err == nil && info.IsDir() && undone != nil {
		if file = recorded(release.RecordedBackup(undone), file); file == "" {
			return "", "", &platform.UsageError{
				Message: "the backup that the record of " + options.Ledger.Name(undone.Number) + " names is not in " + o.Database,
				Advice:  "name its file with --database",
			}
		}
	}
	if o.OtherBackup {
		return file, "", nil
	}
	digest, err = database.Digest(file)
	return file, digest, err
}

// recorded is where the file of a recorded backup lies in a folder, or in those
// that ci and plan write, "" if it is in none of them.
func recorded(backup *ledger.Evidence, folder string) string {
	if backup == nil || backup.File == "" {
		return ""
	}
	name := filepath.Base(backup.File)
	for _, file := range []string{
		filepath.Join(folder, backup.File), filepath.Join(folder, name), filepath.Join(folder, ".slipway", name),
		filepath.Join(folder, ".slipway", "backup", name), filepath.Join(folder, ".slipway", "plan", backup.File), backup.File,
	} {
		if digest, err := database.Digest(file); err == nil && digest == backup.SHA256 {
			return file
		}
	}
	return ""
}
