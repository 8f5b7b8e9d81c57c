package environment

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

// Wanted is what a release is asked to be.
type Wanted struct {
	Images map[string]string // by service, by digest
	From   string            // the release they come from, if they are promoted
	Only   []string          // services; all, if there are none
	By     string
}

// Planning reads from the checkout and the database all that a plan needs
// beside the cluster.
func (e *Environment) Planning(ctx context.Context, w Wanted) (release.Planning, error) {
	planning := release.Planning{Ledger: e.Ledger, Secrets: secrets(e.Target)}
	var excluded []string
	objects, err := e.objects(ctx, w.Images, func(h kube.Hook) { excluded = append(excluded, h.String()) })
	if err != nil {
		return planning, err
	}
	planning.Rollout = rollout.Options{
		Cluster: e.Cluster, Namespace: e.Target.Namespace, Objects: objects, Services: release.Services(e.Platform, w.Images),
		Deadline: e.Platform.DeadlineOf(""), Neighbours: release.Services(e.Platform, nil),
		Redact: platform.Redactor(slices.Collect(maps.Values(e.Target.Values))),
	}
	if err := release.Verification(&planning.Rollout, e.Platform.Verify); err != nil {
		return planning, err
	}
	leftOut, err := release.Only(&planning.Rollout, w.Only)
	if err != nil {
		return planning, err
	}
	url, err := e.DatabaseURL()
	if err != nil {
		return planning, err
	}
	if planning.Known, err = release.Known(ctx, e.Platform, url); err != nil {
		return planning, err
	}
	planning.Known.By, planning.Known.From, planning.Known.Only, planning.Known.LeftOut = w.By, w.From, w.Only, leftOut
	planning.Known.Excluded = excluded
	if e.Platform.Database != nil {
		planning.Known.Migrator = w.Images[plan.MigratorImage]
	}
	planning.Known.Source = platform.Commit(e.Platform.Root)
	return planning, nil
}

// Objects are what the platform's manifests say, with those images.
func (e *Environment) Objects(ctx context.Context, images map[string]string) ([]*kube.Object, error) {
	return e.objects(ctx, images, nil)
}

func (e *Environment) objects(ctx context.Context, images map[string]string, excluded func(kube.Hook)) ([]*kube.Object, error) {
	printed, err := PrintManifests(ctx, e.Platform)
	if err != nil {
		return nil, err
	}
	return release.Objects(ctx, e.Platform, release.Manifests{
		Overlay: e.Target.Overlay, Printed: printed, Namespace: e.Target.Namespace, Images: images, Excluded: excluded,
	})
}

// DatabaseURL is the address of the environment's database, "" where the
// platform has none.
func (e *Environment) DatabaseURL() (string, error) {
	d := e.Platform.Database
	if d == nil {
		return "", nil
	}
	if url := e.Target.Values[d.URL]; url != "" {
		return url, nil
	}
	variable := d.URL
	if name := e.Platform.Environments[e.Target.Environment].Variables[d.URL]; name != "" {
		variable = name
	}
	return "", &platform.UsageError{
		Message: "environment " + e.Ledger.Environment + " lacks " + variable,
		Advice:  "export " + variable + ", the address of its database",
	}
}

// Backup is a backup's file as a way for the environment's database to go back.
func (e *Environment) Backup(file string, say func(string, ...any)) (release.Backup, error) {
	url, err := e.DatabaseURL()
	b := release.Backup{URL: url, Dump: file, Tools: os.Getenv("SLIPWAY_POSTGRES_TOOLS"), Say: say}
	if d := e.Platform.Database; d != nil {
		b.Journal = d.Journal
	}
	return b, err
}

// PrintManifests runs the platform's own command, if it has one.
func PrintManifests(ctx context.Context, p *platform.Platform) ([]byte, error) {
	command := p.Manifests.Command
	if command == "" {
		return nil, nil
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Stderr = p.Root, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("print manifests: %s: %w: %s", command, err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// secrets are the values of the target that are long enough to be recognized.
func secrets(t platform.Target) []string {
	values := slices.Collect(maps.Values(t.Values))
	return slices.DeleteFunc(values, func(v string) bool { return len(v) < 6 })
}

// ReadImages reads images.json, which `ci images` writes.
func ReadImages(file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &platform.UsageError{Message: "read images: " + err.Error(), Advice: "`ci images` writes it into its output folder; name it with --images, or promote a release with --from"}
	}
	var images struct {
		References map[string]string `json:"references"`
	}
	if err := json.Unmarshal(data, &images); err != nil || len(images.References) == 0 {
		return nil, &platform.UsageError{Message: "read images: " + file + " has no references", Advice: "take the file as `ci images` wrote it"}
	}
	return images.References, nil
}
