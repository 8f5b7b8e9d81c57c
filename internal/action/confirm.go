package action

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// AtTerminal reports whether a person can be asked.
func AtTerminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Confirm asks at a terminal and reports whether the answer was yes. Where
// nobody can be asked, it is no.
func Confirm(in io.Reader, w io.Writer, question string) bool {
	if !AtTerminal(in) {
		return false
	}
	fmt.Fprint(w, question)
	answer, _ := bufio.NewReader(in).ReadString('\n') // an end without an answer is no yes
	return strings.TrimSpace(answer) == "yes"
}
