package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
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
	parts := boxParts(boxBinaries())
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.name, state, p.facts, logPath(p.name))
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

// Doctor prints what the sandbox needs of this machine and whether it has it.
func Doctor(ctx context.Context, out io.Writer) error {
	bad := 0
	report := func(ok bool, what, hint string) {
		mark := "✓"
		if !ok {
			mark = "✗"
			bad++
			what += "\n  → " + hint
		}
		fmt.Fprintln(out, mark, what)
	}
	report(os.Geteuid() == 0, "runs as root", "use sudo -E")
	goVersion, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	report(err == nil, "Go: "+strings.TrimSpace(string(goVersion)), "install Go 1.26 or later")
	nodeVersion, err := exec.CommandContext(ctx, "node", "--version").Output()
	report(err == nil, "Node: "+strings.TrimSpace(string(nodeVersion)), "install Node 20 or later")
	report(len(lacking()) == 0, "Debian packages", "`up` installs: "+strings.Join(lacking(), " "))
	if dockerAnswers(ctx) {
		report(true, "Docker answers: Dagger provisions its own engine", "")
	} else {
		report(true, "no Docker daemon: the engine is built from its Go modules", "")
	}
	var disk unix.Statfs_t
	if err := unix.Statfs("/var", &disk); err == nil {
		free := disk.Bavail * uint64(disk.Bsize) >> 30
		report(free >= 25, "free disk in /var: "+strconv.FormatUint(free, 10)+" GB", "the builds and images take 25 GB")
	}
	if runs, _ := boxRuns(); !runs {
		err := checkAddresses()
		report(err == nil, "networks "+strings.Join([]string{subnet, engineNet, podNet, svcNet}, ", ")+" are free", fmt.Sprint(err))
	}
	if bad > 0 {
		return fmt.Errorf("%d things to mend", bad)
	}
	return nil
}
