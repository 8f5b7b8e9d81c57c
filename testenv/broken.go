package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/sandbox"
)

// brokenDeploy releases the sample with one service broken, and says whether
// the release did what it must: fail, name the service and the reason, take back
// the others. It ends with that failure.
type brokenDeploy struct {
	ci, root, service, fault string
	stdout                   io.Writer
}

func brokenCommand() *cobra.Command {
	b := brokenDeploy{stdout: os.Stdout}
	c := &cobra.Command{
		Use: "broken-deploy", Short: "Release the sample with one service broken, and see it taken back", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	c.Flags().StringVar(&b.ci, "ci", "", "the ci binary")
	c.Flags().StringVar(&b.root, "root", "testenv/platform", "folder of the sample's slipway.yaml")
	c.Flags().StringVar(&b.service, "service", "", "the service to break, such as q2q-ai")
	c.Flags().StringVar(&b.fault, "fault", "exit", "how: exit, exit-after:20s, never-ready, health-500, …")
	return c
}

func (b brokenDeploy) run(ctx context.Context) error {
	p, err := platform.Load(b.root)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(p.Services, func(s platform.Service) bool { return s.Name == b.service }) {
		return &sandbox.Hint{Err: fmt.Errorf("the sample has no service %q", b.service), Hint: "make broken-deploy FAULT_SERVICE=q2q-ai"}
	}
	before, err := b.templates(ctx)
	if err != nil {
		return err
	}
	if len(before) < len(p.Services) {
		fmt.Fprintln(b.stdout, "There is no release to go back to yet: a good one comes first.")
		if err := b.release(ctx, "migrate"); err != nil { // its database may be empty
			return fmt.Errorf("the good release failed: %w", err)
		}
		if before, err = b.templates(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(b.stdout, "Releasing with FAULT=%s in %s:\n\n", b.fault, b.service)
	flags := []string{"--inject", b.service + ":FAULT=" + b.fault}
	for _, s := range p.Services {
		if s.Name != b.service { // these change too, so that there is something to take back
			flags = append(flags, "--inject", s.Name+":RELEASED="+time.Now().UTC().Format(time.RFC3339))
		}
	}
	released := b.release(ctx, flags...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	switch {
	case released == nil:
		return errors.New("the release succeeded, although a service is broken")
	case !errors.As(released, &exit) || exit.ExitCode() != 1:
		return fmt.Errorf("the release ended in another way than by a failed service: %w", released)
	}
	after, err := b.templates(ctx)
	if err != nil {
		return err
	}
	if !slices.Equal(before, after) {
		return fmt.Errorf("not every Deployment is as before:\nbefore\n  %s\nafter\n  %s", strings.Join(before, "\n  "), strings.Join(after, "\n  "))
	}
	said, err := b.blamed(filepath.Join(p.Root, ".slipway", "report.json"))
	if err != nil {
		return err
	}
	fmt.Fprintf(b.stdout, "\nAs it should be: exit code 1, report.json names the reason, and all %d Deployments are as they were.\n", len(after))
	return &sandbox.Hint{Err: errors.New(said), Hint: "nothing has to be done: the service was broken on purpose"}
}

// blamed is what the report says of the release: that the broken service failed
// it, and of what.
func (b brokenDeploy) blamed(file string) (said string, err error) {
	r, err := report.Read(file)
	if err != nil {
		return "", err
	}
	failed := r.Failures()
	if len(failed) != 1 || failed[0].Name != "deploy" {
		return "", fmt.Errorf("%s has %d failed stages, and deploy should be the one", file, len(failed))
	}
	said = failed[0].Error
	if _, _, sometimes := strings.Cut(b.fault, ":"); sometimes && strings.HasPrefix(said, "flow ") {
		return said, nil // some errors, or slowness, are seen by those who use the service
	}
	_, reason, named := strings.Cut(said, b.service+": ")
	healthy := slices.ContainsFunc(r.Services, func(s report.Service) bool { return s.Name == b.service && s.Healthy })
	switch {
	case !named || healthy:
		return "", fmt.Errorf("%s does not blame %s: %s", file, b.service, said)
	case reason == "" || b.fault == "exit" && !strings.Contains(reason, "exited"):
		return "", fmt.Errorf("%s does not say that %s has FAULT=%s: %s", file, b.service, b.fault, said)
	}
	return said, nil
}

// release makes the images (from caches, mostly) and deploys.
func (b brokenDeploy) release(ctx context.Context, more ...string) error {
	cmd := exec.CommandContext(ctx, b.ci, append([]string{"images", "deploy", "--root", b.root}, more...)...)
	cmd.Stdout, cmd.Stderr = b.stdout, os.Stderr
	return cmd.Run()
}

// templates lists what each Deployment of the platform runs: its image and its
// environment.
func (b brokenDeploy) templates(ctx context.Context) ([]string, error) {
	env, err := platform.ReadEnvFile(sandbox.EnvFile)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(env["SLIPWAY_BIN"], "kubectl"), "--namespace", env["SLIPWAY_NAMESPACE"], "get", "deployments",
		"--output", `jsonpath={range .items[*]}{.metadata.name} {.spec.template.spec.containers[*].image} {.spec.template.spec.containers[*].env}{"\n"}{end}`)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+env["KUBECONFIG"])
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list deployments: %w: %s", err, stderr.String())
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' }), nil
}
