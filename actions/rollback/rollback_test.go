package rollback

import (
	"io"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/release"
)

// What stands for --unfinished inside is no number that somebody can give.
func TestNoSuchNumber(t *testing.T) {
	err := Run(t.Context(), Options{To: release.Unfinished}, strings.NewReader(""), io.Discard)
	if action.Code(err) != action.Usage || !strings.Contains(err.Error(), "--to -2 is no number of a release") {
		t.Errorf("%v", err)
	}
}
