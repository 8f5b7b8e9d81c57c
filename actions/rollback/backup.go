package rollback

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
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
		folder, wanted := file, release.RecordedBackup(undone)
		if file = recorded(wanted, folder); file == "" {
			file, err = o.unsealed(wanted, folder)
		}
		if err != nil {
			return "", "", err
		}
		if file == "" {
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

// planned is the backup that a release which ended in the middle goes back to by
// itself, nil where the data stay or its file is not on this machine.
func planned(ctx context.Context, e *environment.Environment, options release.Options) (release.Database, error) {
	backup, err := release.Planned(ctx, options)
	if err != nil || backup == nil {
		return nil, err
	}
	file := recorded(backup, ".")
	if file == "" {
		return nil, nil
	}
	return e.Backup(file, options.Say)
}

// recorded is where the file of a recorded backup lies in a folder, or in those
// that ci and plan write, "" if it is in none of them.
func recorded(backup *ledger.Evidence, folder string) string {
	for _, file := range places(backup, folder) {
		if digest, err := database.Digest(file); err == nil && digest == backup.SHA256 {
			return file
		}
	}
	return ""
}

// unsealed decrypts that file where there is an encrypted one, and returns where it
// is then; "" if there is none.
func (o *Options) unsealed(backup *ledger.Evidence, folder string) (string, error) {
	for _, file := range places(backup, folder) {
		sealed := file + database.SealedSuffix
		if _, err := os.Stat(sealed); err != nil {
			continue
		}
		key := os.Getenv(keyVariable)
		if key == "" {
			return "", &platform.UsageError{Message: sealed + " is encrypted, and there is no " + keyVariable, Advice: "give the private half of a key that " + platform.File + " names under sealBackups"}
		}
		action.Mask(strings.TrimSpace(key))
		var err error
		if o.opened, err = database.Unseal(sealed, key); err != nil {
			return "", err
		}
		return o.opened.Dump, nil
	}
	return "", nil
}

// keyVariable holds the private key of age that backups are decrypted with.
const keyVariable = "SLIPWAY_BACKUP_KEY"

// places are where the file of a backup may be, beside the one that is recorded.
func places(backup *ledger.Evidence, folder string) []string {
	if backup == nil || backup.File == "" {
		return nil
	}
	name := filepath.Base(backup.File)
	at := []string{backup.File}
	for _, inside := range []string{backup.File, name, ".slipway/" + name, ".slipway/backup/" + name, ".slipway/backup/backup/" + name, ".slipway/plan/" + backup.File} {
		at = append(at, filepath.Join(folder, inside))
	}
	return at
}
