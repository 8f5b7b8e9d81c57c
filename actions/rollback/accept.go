package rollback

import (
	"context"
	"fmt"
	"io"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/database"
)

// LossError says that nobody accepted what going back would lose.
type LossError struct{ Loss string }

func (e *LossError) Error() string {
	return "going back to the backup would lose writes, and nobody accepted that: " + e.Loss
}

// Usage marks that nothing was begun.
func (e *LossError) Usage() bool { return true }

// Hint says what to do about it.
func (e *LossError) Hint() string {
	return "`" + action.Again + " --accept-loss` loses that; without --database the services go back and the data stays"
}

// accept shows what would be lost before anything happens, and asks at a terminal.
func (o *Options) accept(ctx context.Context, url string, in io.Reader, w io.Writer) error {
	loss, err := database.EstimateLoss(ctx, url, o.Database)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "going back to %s would lose, %s\n", o.Database, loss)
	if o.AcceptLoss || action.Confirm(ctx, in, w, "Type yes to lose that: ") {
		return nil
	}
	return &LossError{Loss: loss.String()}
}
