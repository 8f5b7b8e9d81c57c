package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// The folder where a command that runs inside a container leaves its result.
const (
	resultDir  = "/run/slipway-result"
	resultFile = resultDir + "/result.json"
)

// Outcome is what a part of ci that runs inside a container hands back. The
// command itself succeeds even when the work failed: a failed container has no
// files to read the reasons from.
type Outcome[T any] struct {
	Result         T      `json:"result"`
	Error          string `json:"error,omitempty"`
	Hint           string `json:"hint,omitempty"`
	Usage          bool   `json:"usage,omitempty"`
	Infrastructure bool   `json:"infrastructure,omitempty"`
}

// Err is the error that the work ended with.
func (o Outcome[T]) Err() error {
	if o.Error == "" {
		return nil
	}
	return &insideError{o.Error, o.Hint, o.Usage, o.Infrastructure}
}

type insideError struct {
	message, hint         string
	usage, infrastructure bool
}

func (e *insideError) Error() string        { return e.message }
func (e *insideError) Hint() string         { return e.hint }
func (e *insideError) Usage() bool          { return e.usage }
func (e *insideError) Infrastructure() bool { return e.infrastructure }

// record runs the work and writes its outcome.
func record[T any](ctx context.Context, work func(context.Context) (T, error)) error {
	result, err := work(ctx)
	o := Outcome[T]{Result: result}
	if err != nil {
		code := exitCode(err)
		o.Error, o.Hint, o.Usage, o.Infrastructure = err.Error(), hint(err), code == exitUsage, code == exitInfrastructure
	}
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(resultDir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(resultFile, data, 0o644)
}

// insideCommand holds what ci runs of itself in containers.
func insideCommand(stdout io.Writer) *cobra.Command {
	c := &cobra.Command{Use: "inside", Hidden: true, Short: "What ci runs of itself in containers"}
	say := func(format string, args ...any) { fmt.Fprintf(stdout, format+"\n", args...) }
	c.AddCommand(
		&cobra.Command{
			Use: "wait DEADLINE KIND=VARIABLE… -- COMMAND…", Args: cobra.MinimumNArgs(1), DisableFlagParsing: true,
			RunE: func(cmd *cobra.Command, args []string) error { return waitInside(cmd.Context(), args, say) },
		},
		&cobra.Command{
			Use: "backup FOLDER", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return backupInside(cmd.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "migrate", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return migrateInside(cmd.Context()) },
		},
		&cobra.Command{
			Use: "plan", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return planInside(cmd.Context()) },
		},
		&cobra.Command{
			Use: "deploy", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return deployInside(cmd.Context()) },
		},
		&cobra.Command{
			Use: "dev", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return devInside(cmd.Context()) },
		},
		&cobra.Command{
			Use: "pack FOLDER PREFIX FILE", Args: cobra.ExactArgs(3),
			RunE: func(_ *cobra.Command, args []string) error { return packInside(args[0], args[1], args[2]) },
		},
	)
	return c
}

var errNotInside = errors.New("this command only runs in containers that ci made")
