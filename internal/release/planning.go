package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/rollout"
)

// Services are those of a platform in the order in which they are released,
// each with its image.
func Services(p *platform.Platform, images map[string]string) []rollout.Service {
	var services []rollout.Service
	for _, s := range p.Ordered() {
		services = append(services, rollout.Service{
			Name: s.Name, Port: s.Port, Health: s.Health, Image: images[s.Name], Group: p.Group(s.Name),
			Before: commandOf(s.Hooks.Before), After: commandOf(s.Hooks.After), Deadline: deadlineOf(p, s),
		})
	}
	return services
}

// deadlineOf is a service's own deadline, 0 for the platform's.
func deadlineOf(p *platform.Platform, s platform.Service) time.Duration {
	if s.Deadline.Duration > 0 {
		return p.DeadlineOf(s.Name)
	}
	return 0
}

func commandOf(c *platform.Command) *rollout.Command {
	if c == nil {
		return nil
	}
	return &rollout.Command{Entrypoint: c.Entrypoint, Args: c.Run, Service: c.Service, Image: c.Image, Timeout: c.Timeout.Duration}
}

// Known reads what a plan holds and the cluster does not know: the platform
// file's hash and the pending migrations. databaseURL is "" where the platform
// has no database.
func Known(ctx context.Context, p *platform.Platform, databaseURL string) (plan.Plan, error) {
	var known plan.Plan
	data, err := os.ReadFile(path.Join(p.Root, platform.File))
	if err != nil {
		return known, fmt.Errorf("read %s: %w", platform.File, err)
	}
	sum := sha256.Sum256(data)
	known.PlatformFile = hex.EncodeToString(sum[:])
	d := p.Database
	if d == nil {
		return known, nil
	}
	known.Restore = d.OnFailure == platform.Restore
	pending, err := database.Pending(ctx, databaseURL, path.Join(p.Root, d.Migrations), d.Journal)
	if err != nil {
		return known, err
	}
	if len(pending.Drift) > 0 {
		return known, fmt.Errorf("the database and the folder of migrations tell different stories: %s %s", pending.Drift[0].Name, pending.Drift[0].Reason)
	}
	for _, m := range pending.Pending {
		known.Migrations = append(known.Migrations, plan.Migration{Name: m.Name, SHA256: m.Hash, SQL: m.SQL})
	}
	return known, nil
}
