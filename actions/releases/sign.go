package releases

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
)

// keyVariable holds the key that records are signed with.
const keyVariable = "SLIPWAY_SIGNING_KEY"

// signed writes the record for those who trust the key and cannot reach the
// cluster; of is the folder of a plan that changes nothing, "" if there is none.
func signed(ctx context.Context, flags environment.Flags, number int, file, of string, w io.Writer) error {
	text := os.Getenv(keyVariable)
	if text == "" {
		return &platform.UsageError{Message: "there is no " + keyVariable, Advice: "`openssl rand -base64 32` makes a key; keep it as a secret of the environment"}
	}
	action.Mask(text)
	key, err := ledger.SigningKey(text)
	if err != nil {
		return err
	}
	e, r, err := find(ctx, flags, number)
	if err != nil {
		return err
	}
	if of != "" {
		p, _, err := plan.Read(of)
		if err == nil {
			err = same(r, p)
		}
		if err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := r.WriteSigned(file, key); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the signed record: %w", err)
	}
	e.Show(ctx, w) // who promotes the release looks what became of it
	e.Signed(ctx, w, r, data)
	_, err = fmt.Fprintf(w, "%s, to be checked with the key %s\n", file, ledger.PublicKey(key))
	return err
}

// same puts the commit of a plan that changes nothing into the record of the
// release that it would have to change: who promotes that commit gets what was
// tried out with it.
func same(r *ledger.Record, p *plan.Plan) error {
	refuse := func(why string) error {
		return &platform.UsageError{Message: fmt.Sprintf("%s #%d is not what commit %s makes: %s", r.Environment, r.Number, p.Source[:min(12, len(p.Source))], why), Advice: "release it, and sign that release"}
	}
	images, err := release.Promoted(r)
	switch {
	case err != nil:
		return err
	case p.Environment != r.Environment:
		return refuse("its plan is for " + p.Environment)
	case !p.Empty():
		return refuse("its plan would change something")
	case !maps.Equal(p.Images(), images):
		return refuse("its images are others")
	case !r.Makes(p.Source):
		r.Same = append(r.Same, p.Source)
	}
	return nil
}
