package action

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Confirm asks at a terminal and reports whether the answer was yes. Where
// nobody can be asked, it is no.
func Confirm(in io.Reader, w io.Writer, question string) bool {
	file, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return false
	}
	fmt.Fprint(w, question)
	answer, _ := bufio.NewReader(in).ReadString('\n') // an end without an answer is no yes
	return strings.TrimSpace(answer) == "yes"
}
