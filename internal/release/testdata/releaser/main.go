// Command releaser makes a release of small services, with or without a
// migration, continues one, or takes one back: what the crash tests kill. Built
// with the tag "crash".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		var hinted interface{ Hint() string }
		if errors.As(err, &hinted) {
			fmt.Fprintln(os.Stderr, "hint:", hinted.Hint())
		}
		os.Exit(1)
	}
}

var (
	kubeconfig  = flag.String("kubeconfig", "", "")
	environment = flag.String("env", "", "")
	namespace   = flag.String("namespace", "", "")
	manifests   = flag.String("manifests", "", "")
	services    = flag.String("services", "one,two,three", "")
	lease       = flag.Duration("lease", 2*time.Second, "")
	deadline    = flag.Duration("deadline", 20*time.Second, "")
	url         = flag.String("database", "", "with a folder of migrations and a script that applies them")
	root        = flag.String("root", "", "of the platform with migrations")
	backup      = flag.String("backup", "", "that the database goes back to")
	to          = flag.Int("to", release.Previous, "what a rollback goes back to")
	before      = flag.String("before", "", "command before each service")
	after       = flag.String("after", "", "command after each service")
	inside      = flag.String("inside", "", "command that verifies the first service")
	grace       = flag.Duration("grace", 0, "")
	fails       = flag.String("fails", "", "what the verification finds as long as this is what runs")
)

func run(ctx context.Context) error {
	flag.Parse()
	o, err := options(ctx)
	if err != nil {
		return err
	}
	var outcome *release.Outcome
	switch what := flag.Arg(0); what {
	case "run":
		outcome, err = release.Run(ctx, o)
	case "plan":
		return makePlan(ctx, o)
	case "apply":
		outcome, err = applyPlan(ctx, o)
	case "resume":
		outcome, err = release.Resume(ctx, o)
	case "rollback":
		if *backup != "" && *to != release.Unfinished {
			o.Database = o.OnFailure
		}
		outcome, err = release.Rollback(ctx, o, *to)
	default:
		return fmt.Errorf("what is %q?", what)
	}
	if outcome != nil {
		fmt.Println(outcome.State)
	}
	return err
}

func options(ctx context.Context) (o release.Options, err error) {
	config, err := os.ReadFile(*kubeconfig)
	if err != nil {
		return o, err
	}
	cluster, err := kube.Connect(ctx, config, "")
	if err != nil {
		return o, err
	}
	if o.Ledger, err = ledger.Open(cluster, platform.Owner{Platform: "shop", Environment: *environment, Namespace: *namespace}); err != nil {
		return o, err
	}
	objects, err := kube.Render(ctx, kube.Source{Files: []string{*manifests}}, kube.RenderOptions{Namespace: *namespace})
	if err != nil {
		return o, err
	}
	o.Lease = *lease
	o.Rollout = rollout.Options{Cluster: cluster, Namespace: *namespace, Objects: objects, Deadline: *deadline, Grace: *grace}
	o.Record.Source = strings.TrimSuffix(filepath.Base(*manifests), ".yaml")
	for name := range strings.SplitSeq(*services, ",") {
		o.Rollout.Services = append(o.Rollout.Services, rollout.Service{Name: name, Before: hook(name, *before), After: hook(name, *after)})
	}
	if *inside != "" {
		o.Verify = insideOf(cluster)
	}
	if *fails != "" {
		o.Verify = func(ctx context.Context, _ *ledger.Record) error { return verify(ctx, cluster) }
	}
	if *url == "" {
		return o, nil
	}
	return o, migrations(ctx, &o, cluster)
}

// planning is of a release of the manifests, asked for in a checkout that does not change.
func planning(o release.Options) release.Planning {
	return release.Planning{Ledger: o.Ledger, Rollout: o.Rollout, Known: plan.Plan{By: "tester", Source: o.Record.Source}}
}

// planFolder is where a plan is kept until it is applied.
func planFolder() string {
	return filepath.Join(filepath.Dir(*manifests), "plan-"+filepath.Base(*manifests))
}

func makePlan(ctx context.Context, o release.Options) error {
	p, err := release.Plan(ctx, planning(o))
	if err != nil {
		return err
	}
	digest, err := p.Digest()
	if err != nil {
		return err
	}
	return plan.Write(planFolder(), p, plan.NewEvidence(digest, time.Now()))
}

func applyPlan(ctx context.Context, o release.Options) (*release.Outcome, error) {
	p, evidence, err := plan.Read(planFolder())
	if err != nil {
		return nil, err
	}
	digest, err := plan.Approval(p, evidence)
	if err != nil {
		return nil, err
	}
	return release.Apply(ctx, release.Approved{Plan: p, Evidence: evidence, Digest: digest}, planning(o), o)
}

func hook(service, command string) *rollout.Command {
	if command == "" {
		return nil
	}
	return &rollout.Command{Entrypoint: strings.Fields(command), Service: service, Timeout: time.Minute}
}

// insideOf verifies with a command in a Job like the first service.
func insideOf(cluster *kube.Cluster) func(context.Context, *ledger.Record) error {
	first, _, _ := strings.Cut(*services, ",")
	p := &platform.Platform{Services: []platform.Service{{Name: first}}}
	p.Verify.Inside = []platform.Command{{Service: first, Entrypoint: strings.Fields(*inside), Timeout: platform.Duration{Duration: time.Minute}}}
	return func(ctx context.Context, r *ledger.Record) error {
		return release.Verifier{Cluster: cluster, Namespace: *namespace, Platform: p, Release: r.Number, Say: func(string, ...any) {}}.Verify(ctx)
	}
}

// verify fails while the last service is of the version that must not be.
func verify(ctx context.Context, cluster *kube.Cluster) error {
	names := strings.Split(*services, ",")
	live, err := rollout.Live(ctx, cluster, *namespace, names[len(names)-1])
	if err == nil && live != nil && strings.HasSuffix(kube.Images(live)[0], ":"+*fails) {
		err = errors.New("version " + *fails + " does not work")
	}
	return err
}

func migrations(ctx context.Context, o *release.Options, cluster *kube.Cluster) error {
	script, err := os.ReadFile(filepath.Join(*root, "migrate.sh"))
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	p := &platform.Platform{Root: *root, Database: &platform.Database{Migrations: "migrations", Command: []string{"sh", "-c", string(script)}}}
	pending, err := database.Pending(ctx, *url, filepath.Join(*root, "migrations"), "")
	if err != nil {
		return err
	}
	for _, m := range pending.Pending {
		o.Migrations = append(o.Migrations, plan.Migration{Name: m.Name, SHA256: m.Hash, SQL: m.SQL})
	}
	o.Record.Migrator = "postgres:15"
	o.Migrator = release.Migrations{
		Cluster: cluster, Namespace: *namespace, Platform: p, URL: *url, Values: map[string]string{"DATABASE_URL": *url},
		Redact: platform.Redactor([]string{*url}), Say: say,
	}
	if *backup != "" {
		o.OnFailure = release.Backup{URL: *url, Dump: *backup, Say: say}
	}
	return nil
}
