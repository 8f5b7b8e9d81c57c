package action

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// AtTerminal reports whether a person can be asked. A job of a workflow has nobody
// to answer, also where its runner gives it a terminal.
func AtTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("GITHUB_ACTIONS") != "true"
}

// Confirm asks at a terminal and reports whether the answer was yes. Where
// nobody can be asked, or ctx ends before the answer, it is no.
func Confirm(ctx context.Context, in io.Reader, w io.Writer, question string) bool {
	if !AtTerminal(in) {
		return false
	}
	fmt.Fprint(w, question)
	answered := make(chan string, 1)
	go func() { // a read of a terminal cannot be cancelled: it ends with the process
		answer, _ := bufio.NewReader(in).ReadString('\n') // an end without an answer is no yes
		answered <- answer
	}()
	select {
	case answer := <-answered:
		return strings.TrimSpace(answer) == "yes"
	case <-ctx.Done():
		fmt.Fprintln(w)
		return false
	}
}
