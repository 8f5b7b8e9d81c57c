// Package version tells which Slipway this is.
package version

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Command is `slipway version`.
func Command() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return Run(cmd.OutOrStdout()) },
	}
}

// Run prints the version that the Go toolchain recorded in the binary.
func Run(w io.Writer) error {
	_, err := fmt.Fprintf(w, "slipway %s %s %s/%s\n", of(debug.ReadBuildInfo()), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// released is the version of a binary of a release, set by its build: a build
// without the repository's history is the same everywhere, and knows no version.
var released string

func of(info *debug.BuildInfo, ok bool) string {
	if released != "" {
		return released
	}
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
