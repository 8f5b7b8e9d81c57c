package action

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Again stands in a hint for the command that failed, with every flag that it was
// given: a dry run that is repeated by its hint stays one.
const Again = "{again}"

// ShellWord quotes a word for a shell, if it needs that.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// hintWord is a word for a hint, which is one line between backticks: what would end
// either, or do something to a terminal, is spelled as bash and zsh read it.
func hintWord(s string) string {
	ends := func(r rune) bool { return r == '`' || r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError }
	if !strings.ContainsFunc(s, ends) {
		return ShellWord(s)
	}
	var b strings.Builder
	b.WriteString("$'")
	for _, c := range []byte(s) {
		if c == '`' || c == '\'' || c == '\\' || c < ' ' || c >= 0x7f {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

// Given are the flags that were given, as a shell takes them. Only narrows them to
// some; without it, they are all that were.
func Given(flags *pflag.FlagSet, only ...string) (words []string) {
	// Not Visit: a command parses flags in another set than the one they were added to.
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed && (len(only) == 0 || slices.Contains(only, f.Name)) {
			words = append(words, given(f)...)
		}
	})
	return words
}

func given(f *pflag.Flag) (words []string) {
	values := []string{f.Value.String()}
	if list, ok := f.Value.(pflag.SliceValue); ok {
		values = list.GetSlice()
		if f.Value.Type() == "stringSlice" {
			values = commas(values)
		}
	}
	for _, value := range values {
		switch {
		case f.NoOptDefVal != "" && value == f.NoOptDefVal:
			words = append(words, "--"+f.Name)
		case f.NoOptDefVal != "" || value == "" || strings.HasPrefix(value, "-"):
			words = append(words, "--"+f.Name+"="+hintWord(value))
		default:
			words = append(words, "--"+f.Name+" "+hintWord(value))
		}
	}
	return words
}

// commas are values as a flag takes them that splits at commas.
func commas(values []string) []string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(values) // to memory
	w.Flush()
	return []string{strings.TrimSuffix(b.String(), "\n")}
}

var commandIn = regexp.MustCompile("`([^`\n]+)`")

// Complete adds to each command in a hint, which stands between backticks, the flags
// that it lacks. They are asked for with its words.
func Complete(hint string, lacks func(words []string) []string) string {
	return commandIn.ReplaceAllStringFunc(hint, func(code string) string {
		words := strings.Fields(strings.Trim(code, "`"))
		if len(words) == 0 {
			return code
		}
		if flags := lacks(words); len(flags) > 0 {
			return strings.TrimSuffix(code, "`") + " " + strings.Join(flags, " ") + "`"
		}
		return code
	})
}

// Names reports whether the words of a command have a flag.
func Names(words []string, flag string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return w == "--"+flag || strings.HasPrefix(w, "--"+flag+"=") })
}

// Pasteable makes the commands of a hint exact: Again is the one that failed, cmd, as
// it was given, and others of root's program get its environment and folder.
func Pasteable(hint string, root, cmd *cobra.Command) string {
	again := []string{cmd.CommandPath()}
	for _, word := range cmd.Flags().Args() {
		again = append(again, hintWord(word))
	}
	hint = strings.ReplaceAll(hint, Again, strings.Join(append(again, Given(cmd.Flags())...), " "))
	return Complete(hint, func(words []string) (flags []string) {
		if words[0] == "ci" {
			return ofCI(words, cmd)
		}
		if words[0] != root.Name() {
			return nil
		}
		named, _, err := root.Find(words[1:])
		if err != nil {
			return nil
		}
		for _, name := range []string{"env", "root"} {
			if named.Flag(name) != nil && !Names(words, name) {
				flags = append(flags, Given(cmd.Flags(), name)...)
			}
		}
		return flags
	})
}

// ofCI are the flags of a command of ci. It takes the sandbox where no environment is named.
func ofCI(words []string, cmd *cobra.Command) (flags []string) {
	env := cmd.Flag("env")
	if env != nil && env.Value.String() != "sandbox" && !Names(words, "env") {
		flags = Given(cmd.Flags(), "env")
	}
	if !Names(words, "root") {
		flags = append(flags, Given(cmd.Flags(), "root")...)
	}
	return flags
}

// pasteable is an error whose hint was completed.
type pasteable struct {
	error
	hint string
}

func (p *pasteable) Hint() string  { return p.hint }
func (p *pasteable) Unwrap() error { return p.error }

// withPasteable completes the hint of an error, if it has one.
func withPasteable(err error, root, cmd *cobra.Command) error {
	if hint := Hint(err); hint != "" {
		return &pasteable{error: err, hint: Pasteable(hint, root, cmd)}
	}
	return err
}
