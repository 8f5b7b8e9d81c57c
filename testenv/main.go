// Command testenv runs the sandbox: a real Dagger engine, a real Kubernetes,
// PostgreSQL, ClickHouse, Redis, NATS, Prometheus and an image mirror on one
// bare machine, for `ci`, the tests and anybody who wants to try Slipway.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/teei/slipway/testenv/production"
	"github.com/teei/slipway/testenv/sandbox"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == "box" {
		// PID 1 of the sandbox: it handles its signals itself.
		if err := sandbox.RunBox(sandbox.Binaries(os.Args[2])); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root, begun := command(), false
	root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		var hint *sandbox.Hint
		if errors.As(err, &hint) {
			fmt.Fprintln(os.Stderr, "hint:", hint.Hint)
		}
		if !begun {
			os.Exit(2) // it was used wrongly
		}
		os.Exit(1)
	}
}

func command() *cobra.Command {
	log := sandbox.NewLog(os.Stderr, term.IsTerminal(int(os.Stderr.Fd())))
	root := &cobra.Command{
		Use: "testenv", Short: "The sandbox: everything Slipway needs, for real, on one machine",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	var purge bool
	down := &cobra.Command{
		Use: "down", Short: "Stop all of it and leave the machine as it was", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sandbox.Down(cmd.Context(), log, purge) },
	}
	down.Flags().BoolVar(&purge, "purge", false, "remove the caches too (the next up builds for half an hour)")
	root.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Start what does not run yet, and wait until it answers", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				start := time.Now()
				err := sandbox.Up(cmd.Context(), log)
				if took := time.Since(start); err == nil && took > 2*time.Second {
					log.Say("The sandbox is up, after %s.", took.Round(time.Second))
				}
				return err
			},
		},
		down, brokenCommand(), trafficCommand(), production.Command(),
		&cobra.Command{
			Use: "status", Short: "Show every part, whether it answers and where", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return sandbox.Status(cmd.Context(), os.Stdout) },
		},
		&cobra.Command{
			Use: "doctor", Short: "Say what this machine lacks", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return sandbox.Doctor(cmd.Context(), os.Stdout) },
		},
	)
	return root
}
