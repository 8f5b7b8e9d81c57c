// Package action is what all of Slipway's commands share at their edge: exit
// codes, and how an error is shown to a person.
package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes of every command.
const (
	OK             = 0
	Failed         = 1 // a check, a stage or a release failed
	Usage          = 2 // what was asked cannot be done; nothing was begun
	Infrastructure = 3 // an engine, cluster, registry or database is missing or broken
)

// Error gives a cause its exit code and a hint, where it has none itself.
type Error struct {
	Code   int
	Err    error
	Advice string // what to do about it
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Advice }

// Code returns the exit code for an error. Errors of other packages tell what
// they are through the methods Usage and Infrastructure.
func Code(err error) int {
	if err == nil {
		return OK
	}
	var known *Error
	if errors.As(err, &known) && known.Code != OK {
		return known.Code
	}
	var usage interface{ Usage() bool }
	if errors.As(err, &usage) && usage.Usage() {
		return Usage
	}
	var infrastructure interface{ Infrastructure() bool }
	if errors.As(err, &infrastructure) && infrastructure.Infrastructure() {
		return Infrastructure
	}
	return Failed
}

// Hint returns what an error says to do about it, or "".
func Hint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// Report shows an error and its hint to a person.
func Report(w io.Writer, err error) {
	text := err.Error()
	if !strings.Contains(text, "\n") {
		text = "error: " + text
	}
	fmt.Fprintln(w, text)
	if hint := Hint(err); hint != "" {
		fmt.Fprintln(w, "hint:", hint)
	}
}

// Execute runs a command with its arguments, shows its error if it has one,
// and returns the exit code. What cobra refuses before the command starts,
// such as an unknown flag, is a mistake in usage.
func Execute(ctx context.Context, root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	if inWorkflow() {
		stdout, stderr = Harmless(stdout), Harmless(stderr)
	} else {
		stdout, stderr = &printable{w: stdout}, &printable{w: stderr}
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	started := false
	before := root.PersistentPreRunE
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		// What a workflow gives as inputs counts for what is required.
		if err := inputs(cmd); err != nil {
			return err
		}
		if err := checkInputs(cmd); err != nil {
			return err
		}
		if err := required(cmd); err != nil {
			return err
		}
		started = true
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !started {
		if Hint(err) == "" {
			err = &Error{Code: Usage, Err: errors.New(said(err.Error())), Advice: cmd.CommandPath() + " --help lists what there is"}
		}
	}
	if err != nil {
		err = withPasteable(err, root, cmd)
		Report(stderr, err)
		annotate(cmd, err)
	}
	return Code(err)
}
