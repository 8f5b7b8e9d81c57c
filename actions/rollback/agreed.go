package rollback

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/report"
)

// NotAgreedError says that nobody agreed to what a rollback would do.
type NotAgreedError struct {
	Environment string
	Uninstalls  bool
	Asked       bool // a person, who did not say yes
}

func (e *NotAgreedError) Error() string {
	what := fmt.Sprintf("roll back %s", e.Environment)
	if e.Uninstalls {
		what = "uninstall " + e.Environment
	}
	if e.Asked {
		return what + ": the answer was not yes, and nothing was changed"
	}
	return what + ": going back to before the first release deletes what is listed above, and nobody agreed to that"
}

// Usage marks that nothing was begun.
func (e *NotAgreedError) Usage() bool { return true }

// Hint says what to do about it.
func (e *NotAgreedError) Hint() string {
	if e.Asked {
		return ""
	}
	return "`" + action.Again + " --yes` does it without a question"
}

// agreed shows what the rollback would do and asks at a terminal. Elsewhere nobody
// can be asked: a workflow that goes back to a release was started for that, but
// before the first one, only --yes leads. The way is nil where there is nothing to do.
func (o *Options) agreed(ctx context.Context, options release.Options, in io.Reader, w io.Writer) (*release.Way, error) {
	way, err := release.Foresee(ctx, options, o.To)
	if err != nil || way == nil {
		return nil, err
	}
	shown := report.Way{Way: way}
	if o.Database != "" {
		shown.Database = filepath.Base(o.Database)
	}
	if err := shown.Table(w); err != nil {
		return nil, err
	}
	refused := &NotAgreedError{Environment: way.Environment, Uninstalls: way.Uninstalls, Asked: action.AtTerminal(in)}
	switch {
	case o.Yes, !refused.Asked && (way.To > 0 || way.Continues):
		return way, nil
	case !refused.Asked, !action.Confirm(ctx, in, w, question(way)):
		return nil, refused
	}
	return way, nil
}

func question(way *release.Way) string {
	if way.Uninstalls {
		return "Type yes to uninstall: "
	}
	return "Type yes to roll back: "
}
