package environment

import (
	"fmt"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/ledger"
)

// copiesFolder is where later steps of a workflow find them.
const copiesFolder = ".slipway/record"

// AddOut adds the flag of the commands that write releases.
func (f *Flags) AddOut(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Out, "out", copiesFolder, "folder for copies of the records that are written, to be read when the cluster is away")
}

// copies writes each record into a folder as the ledger gets it. A full disk
// stops no release: it is said once, and the ledger has the record all the same.
func copies(folder string) func(*ledger.Record) {
	var once sync.Once
	return func(r *ledger.Record) {
		err := r.WriteTo(folder)
		if err == nil {
			return
		}
		once.Do(func() {
			fmt.Fprintf(os.Stderr, "! the copy of %s #%d is lost: %v\n", r.Environment, r.Number, err)
			action.Warning("the copy of the release's record is lost: " + err.Error())
		})
	}
}
