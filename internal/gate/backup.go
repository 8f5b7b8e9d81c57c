package gate

import (
	"time"

	"github.com/teei/slipway/internal/plan"
)

// backup looks whether the backup is still young enough: people may have taken
// their time. One that was taken since they approved may take its place; it is no
// part of what they approved, so it only adds to it.
func (q *Question) backup() (out []plan.Finding) {
	const id = "backup"
	retake := "take another with `ci backup --env " + q.Environment + "`, and give its report.json as --backup; it needs no new approval"
	approved := q.Evidence.Item(plan.Backup, "")
	newest := approved
	if again := q.Again; again != nil {
		switch {
		case again.Kind != plan.Backup || !again.Passed:
			return []plan.Finding{fail(id, retake, "what was taken since is no backup that was restored and compared")}
		case approved != nil && !again.At.After(approved.At):
			return []plan.Finding{fail(id, retake, "what was taken since is of %s, no newer than the one that was approved", again.At.UTC().Format(time.RFC3339))}
		case again.At.After(q.Now.Add(skew)):
			return []plan.Finding{fail(id, "compare the clocks", "what was taken since is of the future, %s", again.At.UTC().Format(time.RFC3339))}
		}
		newest = again
	}
	if newest == nil || q.waived(id) && newest == approved {
		return nil // the preflight's findings say whether there has to be one
	}
	age, most := q.Now.Sub(newest.At).Round(time.Second), q.Gate.Backup.Duration
	if most > 0 && age > most {
		return []plan.Finding{fail(id, retake, "it is %s old by now, more than %s", age, most)}
	}
	return []plan.Finding{pass(id, "%s old; SHA-256 %s", age, short(newest.SHA256))}
}

const skew = 5 * time.Minute // of two clocks
