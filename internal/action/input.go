package action

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// longestInput is more than any path or reason has, in bytes.
const longestInput = 4096

// What a flag may hold beside a line of plain text.
const (
	linesAnnotation = "lines" // several of them
	nameAnnotation  = "name"  // less: it is compared with names, which are ASCII
)

// Lines marks a flag that may have several lines.
func Lines(cmd *cobra.Command, flag string) { annotateFlag(cmd, flag, linesAnnotation) }

// Name marks a flag that names something: a letter of another alphabet that looks
// the same is not the same.
func Name(cmd *cobra.Command, flag string) { annotateFlag(cmd, flag, nameAnnotation) }

func annotateFlag(cmd *cobra.Command, flag, annotation string) {
	_ = cmd.Flags().SetAnnotation(flag, annotation, []string{"yes"}) // fails only for a flag that is not there
}

// checkInput refuses what nobody types by mistake, and what would be something else
// in a log, a summary or a record than it seems to be.
func checkInput(f *pflag.Flag, value string) error {
	refuse := func(format string, args ...any) error {
		return &Error{Code: Usage, Err: fmt.Errorf("--"+f.Name+" "+format, args...), Advice: "give it as plain text, in one line"}
	}
	if len(value) > longestInput {
		return refuse("is %d bytes long, and may be %d", len(value), longestInput)
	}
	if !utf8.ValidString(value) {
		return refuse("is no text")
	}
	for _, r := range value {
		switch {
		case r == '\n' && f.Annotations[linesAnnotation] != nil, r == '\t':
		case r == '\n' || r == '\r':
			return refuse("has a line break in it")
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return refuse("has a character in it that nobody sees, %U", r)
		case r > unicode.MaxASCII && f.Annotations[nameAnnotation] != nil:
			return refuse("has a letter in it that no name has: %s", strconv.QuoteToASCII(value))
		}
	}
	return nil
}

// required names the flags that a command cannot do without, and does not have.
func required(cmd *cobra.Command) error {
	var missing []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil && !f.Changed {
			missing = append(missing, "--"+f.Name)
		}
	})
	if len(missing) == 0 {
		return nil
	}
	return errors.New(cmd.CommandPath() + " needs " + strings.Join(missing, " and "))
}

// InWords leaves a default out of the list of flags, where the usage says it.
func InWords(cmd *cobra.Command, flag string) {
	f := cmd.Flags().Lookup(flag)
	f.Value, f.DefValue = inWords{f.Value}, ""
}

// inWords is no type that pflag knows, so an empty default is none to it.
type inWords struct{ pflag.Value }

// checkInputs looks at all flags that hold text, wherever they came from.
func checkInputs(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err == nil && f.Changed && f.Value.Type() == "string" {
			err = checkInput(f, f.Value.String())
		}
	})
	return err
}

// mostSaid of a message that quotes what was given.
const mostSaid = 300

// said is a message as one line of at most so many letters.
func said(message string) string {
	message, _, _ = strings.Cut(message, "\n") // cobra adds its suggestions below
	if letters := []rune(message); len(letters) > mostSaid {
		return string(letters[:mostSaid]) + "…"
	}
	return message
}
