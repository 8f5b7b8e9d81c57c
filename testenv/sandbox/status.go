package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"
)

// Status prints a line for each part: whether it answers, and where. It returns
// an error unless all of them do.
func Status(ctx context.Context, out io.Writer) error {
	runs, err := boxRuns()
	if err != nil {
		return err
	}
	if !runs {
		return &Hint{errors.New("the sandbox is not up"), "go run ./testenv up"}
	}
	parts := asked(boxBinaries())
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	answers := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		if p.ready != nil {
			wg.Go(func() { answers[i] = p.ready(ctx) })
		}
	}
	wg.Wait()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PART\tSTATE\tWHERE\tLOG")
	silent := 0
	for i, p := range parts {
		state := "up"
		switch {
		case p.ready == nil:
			state = "kept running"
		case answers[i] != nil:
			state = "does not answer"
			silent++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.name, state, p.facts, p.log())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if silent > 0 {
		return &Hint{fmt.Errorf("%d of %d parts do not answer", silent, len(parts)), "look into their logs, then `go run ./testenv up`"}
	}
	fmt.Fprintf(out, "\nAddresses: %s\n", EnvFile)
	return nil
}
