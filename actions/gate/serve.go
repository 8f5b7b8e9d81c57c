package gate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	_ "golang.org/x/crypto/x509roots/fallback" // its image has no file of them

	"github.com/teei/slipway/actions/workflow"
	"github.com/teei/slipway/internal/gatekeeper"
	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/platform"
)

// Variable of `slipway gate serve`, from its Secret, beside those of the App.
const webhookSecrets = "SLIPWAY_WEBHOOK_SECRET" // several, one a line, while one is exchanged

// ServeOptions of `slipway gate serve`.
type ServeOptions struct {
	File, Repository, Queue, Listen, Observe string
}

func serveCommand() *cobra.Command {
	var o ServeOptions
	cmd := &cobra.Command{
		Use: "serve", Short: "Be the custom deployment protection rule of a GitHub App", Args: cobra.NoArgs,
		Long: "Be the custom deployment protection rule of a GitHub App: a job that is not of the workflow, branch and\n" +
			"repository that gate in " + platform.File + " names, or whose environments are not protected, does not even begin.\n" +
			"It reads " + webhookSecrets + ", " + workflow.AppNumber + " and " + workflow.AppKey + ". docs/gates.md says how to install it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Serve(cmd.Context(), o, os.Getenv, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&o.File, "file", platform.File, "platform file; nothing else of the repository is needed")
	cmd.Flags().StringVar(&o.Repository, "repository", "", "repository whose jobs are decided about, as owner/name")
	cmd.Flags().StringVar(&o.Queue, "queue", "gate.db", "file that keeps requests until they are decided")
	cmd.Flags().StringVar(&o.Listen, "listen", ":8080", "address for GitHub's webhooks, at /webhook")
	cmd.Flags().StringVar(&o.Observe, "observe", ":8081", "address for /healthz and /metrics, not for the world")
	_ = cmd.MarkFlagRequired("repository") // fails only for a flag that is not there
	return cmd
}

// Serve decides about jobs until ctx ends. It logs lines of JSON to w.
func Serve(ctx context.Context, o ServeOptions, getenv func(string) string, w io.Writer) error {
	data, err := os.ReadFile(o.File)
	if err != nil {
		return &platform.UsageError{Message: "read the platform file: " + err.Error(), Advice: "name it with --file"}
	}
	p, err := platform.Parse(o.File, data)
	if err != nil {
		return err
	}
	id, _ := strconv.ParseInt(getenv(workflow.AppNumber), 10, 64) // 0 is refused
	app, err := github.NewApp(getenv("GITHUB_API_URL"), id, []byte(getenv(workflow.AppKey)))
	if err != nil {
		return err
	}
	k, err := gatekeeper.Open(gatekeeper.Options{
		App: app, Repository: o.Repository, Platform: p, Secrets: strings.Fields(getenv(webhookSecrets)), Queue: o.Queue,
		Log: slog.New(slog.NewJSONHandler(w, nil)),
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `{"msg":"taking webhooks","listen":%q,"observe":%q,"repository":%q}`+"\n", o.Listen, o.Observe, o.Repository)
	defer func() { _ = k.Close() }() // what was taken is on the disk already
	return k.Serve(ctx, gatekeeper.Listen(o.Listen, k.Webhook()), gatekeeper.Listen(o.Observe, k.Observe()))
}
