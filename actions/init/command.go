// Package scaffold is `slipway init`: it writes a first slipway.yaml from what
// it finds in a repository.
package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/internal/platform"
)

// Options of Run.
type Options struct {
	Root  string // folder to describe
	Force bool   // replace a slipway.yaml that is there
}

// Command is `slipway init`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a commented slipway.yaml from what is found in a repository",
		Long: "Write a commented slipway.yaml from workspace packages, Dockerfiles, Kubernetes manifests,\n" +
			"a compose file and package scripts. What could not be known is marked GUESSED.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return Run(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	cmd.Flags().StringVar(&o.Root, "root", ".", "folder to describe")
	cmd.Flags().BoolVar(&o.Force, "force", false, "replace a slipway.yaml that is there")
	return cmd
}

// Run writes slipway.yaml into the root and tells what is in it. What it wrote
// loads, so that the next command works; only guesses are left to correct.
func Run(ctx context.Context, o Options, stdout io.Writer) error {
	file := filepath.Join(o.Root, platform.File)
	if _, err := os.Lstat(file); err == nil && !o.Force {
		return &platform.UsageError{Message: file + " is there already", Advice: "--force replaces it"}
	}
	f, err := discover(ctx, o.Root)
	if err != nil {
		return err
	}
	text := render(f)
	if _, err := platform.Parse(platform.File, []byte(text)); err != nil {
		return fmt.Errorf("describe %s: what was found does not fit together:\n%w", o.Root, err)
	}
	if err := write(file, text); err != nil {
		return err
	}
	if _, err := platform.Load(o.Root); err != nil {
		return fmt.Errorf("%s was written, correct it by hand:\n%w", file, err)
	}
	summary(stdout, file, text, f)
	return nil
}

// write replaces the file in one go: a full disk leaves the old one.
func write(file, text string) error {
	part := file + ".part"
	err := os.WriteFile(part, []byte(text), 0o644)
	if err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		_ = os.Remove(part)
		if errors.Is(err, fs.ErrNotExist) {
			return &platform.UsageError{Message: filepath.Dir(file) + " does not exist", Advice: "--root names an existing folder"}
		}
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func summary(w io.Writer, file, text string, f *found) {
	fmt.Fprintf(w, "wrote %s: %s", file, count(len(f.services), "service"))
	if len(f.checks) > 0 {
		fmt.Fprintf(w, ", %s", count(len(f.checks), "check"))
	}
	for _, server := range f.infrastructure {
		fmt.Fprintf(w, ", %s", server.kind)
	}
	fmt.Fprintln(w)
	read := "read it"
	for i, line := range strings.Split(text, "\n") {
		if _, guess, ok := strings.Cut(line, "# "+guessed+" "); ok {
			read = "correct what is " + guessed
			fmt.Fprintf(w, "%s:%d: %s %s\n", file, i+1, guessed, guess)
		}
	}
	for _, name := range f.leftOut {
		fmt.Fprintln(w, "left out:", name)
	}
	fmt.Fprintf(w, "next: %s; then `ci check` runs the checks, and `ci --dry-run` says what else ci would do\n", read)
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
