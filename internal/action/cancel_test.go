package action

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestHelperProcess is no test but the process that TestUntilCancelled signals:
// it says what it sees, and a line for each that it reads.
func TestHelperProcess(*testing.T) {
	if os.Getenv("SLIPWAY_TEST_CANCEL") == "" {
		return
	}
	ctx, stop := UntilCancelled()
	defer stop()
	fmt.Println("begun")
	<-ctx.Done()
	fmt.Println("cancelled")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println("still here")
	}
}

// The first signal cancels, a TERM after it changes nothing, and only Ctrl-C
// again ends the process, unless a runner sends it.
func TestUntilCancelled(t *testing.T) {
	t.Parallel()
	for _, first := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, runner := range []string{"", "true"} {
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
			cmd.Env = append(os.Environ(), "SLIPWAY_TEST_CANCEL=1", "GITHUB_ACTIONS="+runner)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			says := func(want string) {
				t.Helper()
				if !lines.Scan() || lines.Text() != want {
					t.Fatalf("%v, runner %q: says %q, not %q", first, runner, lines.Text(), want)
				}
			}
			send := func(signal syscall.Signal) {
				t.Helper()
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			says("begun")
			send(first)
			says("cancelled")
			send(syscall.SIGTERM)
			fmt.Fprintln(in)
			says("still here")
			send(syscall.SIGINT)
			if runner != "" {
				fmt.Fprintln(in)
				says("still here")
				in.Close()
			}
			err = cmd.Wait()
			if killed := err != nil; killed != (runner == "") {
				t.Errorf("%v, runner %q: %v", first, runner, err)
			}
		}
	}
}
