package action

import (
	"errors"
	"os"
	"strconv"
	"strings"

	githubactions "github.com/sethvargo/go-githubactions"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// inWorkflow reports whether a step of a GitHub workflow is what runs.
func inWorkflow() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// Summary appends Markdown to the job's summary; elsewhere it does nothing.
func Summary(markdown string) {
	if os.Getenv("GITHUB_STEP_SUMMARY") != "" {
		githubactions.AddStepSummary(markdown)
	}
}

// Warning shows a text on the page of the workflow's run; elsewhere it does nothing.
func Warning(text string) {
	if inWorkflow() {
		githubactions.Warningf("%s", text)
	}
}

// ErrorAt shows an error beside a line of the sources; elsewhere it does nothing.
func ErrorAt(file string, line, column int, title, text string) {
	if inWorkflow() {
		at := map[string]string{"file": file, "line": strconv.Itoa(line), "title": title}
		if column > 0 {
			at["col"] = strconv.Itoa(column)
		}
		githubactions.WithFieldsMap(at).Errorf("%s", text)
	}
}

// Mask makes the runner hide values wherever they are printed later. Each line
// of a value is a value of its own, as the runner looks at lines.
func Mask(values ...string) {
	if !inWorkflow() {
		return
	}
	for _, value := range values {
		for _, line := range strings.Split(value, "\n") {
			// Shorter ones would hide half of the log.
			if line = strings.TrimSpace(line); len(line) > 3 {
				githubactions.AddMask(line)
			}
		}
	}
}

// annotate shows an error on the page of the workflow's run.
func annotate(cmd *cobra.Command, err error) {
	if !inWorkflow() {
		return
	}
	text := err.Error()
	if hint := Hint(err); hint != "" {
		text += "\n" + hint
	}
	githubactions.WithFieldsMap(map[string]string{"title": cmd.CommandPath()}).Errorf("%s", text)
}

// inputs sets the flags that a workflow gives as inputs: INPUT_DRY_RUN is
// --dry-run. An input that is not given is an empty string, and a flag that was
// given as an argument counts more.
func inputs(cmd *cobra.Command) error {
	if !inWorkflow() {
		return nil
	}
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(InputVariable(f.Name))
		if f.Changed || value == "" || f.Name == "help" {
			return
		}
		if err := checkInput(f, value); err != nil {
			errs = append(errs, err)
		} else if err := cmd.Flags().Set(f.Name, value); err != nil {
			errs = append(errs, &Error{Code: Usage, Err: errors.New(said(err.Error())), Advice: "it comes from the input " + f.Name})
		}
	})
	return errors.Join(errs...)
}

// InputVariable is the variable that carries an input. A shell drops variables
// with a dash in their names.
func InputVariable(input string) string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(input, "-", "_"))
}
