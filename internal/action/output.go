package action

import (
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Outputs are what a command tells later steps: names with what they mean. They
// are kept in the command, so that its action.yml is held against them.
func Outputs(cmd *cobra.Command, outputs map[string]string) {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	for name, meaning := range outputs {
		cmd.Annotations[outputPrefix+name] = meaning
	}
}

const outputPrefix = "output "

// OutputsOf are the outputs that a command declares.
func OutputsOf(cmd *cobra.Command) map[string]string {
	out := map[string]string{}
	for key, meaning := range cmd.Annotations {
		if name, ok := strings.CutPrefix(key, outputPrefix); ok {
			out[name] = meaning
		}
	}
	return out
}

// Output gives a value to later steps of the workflow; elsewhere it does nothing.
// A later step finds it empty where it could not be written, and is told why.
func Output(name, value string) {
	file := os.Getenv("GITHUB_OUTPUT")
	if file == "" {
		return
	}
	if err := appendValue(file, name, value); err != nil {
		Warning("give " + name + " to later steps: " + err.Error())
	}
}

// appendValue adds a value to one of the runner's files, which ends at a line that
// is the delimiter: one that nobody can guess, so that no value ends early and goes
// on with another's name
// (docs.github.com/actions/reference/workflows-and-actions/workflow-commands#multiline-strings).
func appendValue(file, name, value string) (err error) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	delimiter := rand.Text()
	_, err = fmt.Fprintf(f, "%s<<%s\n%s\n%s\n", name, delimiter, value, delimiter)
	return err
}
