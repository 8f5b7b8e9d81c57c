package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/teei/slipway/internal/kube"
)

// Command is run once in the cluster, in a Job, with the variables of a service.
type Command struct {
	// Entrypoint instead of the image's, "" for the image's; Args are given to it.
	Entrypoint []string `json:"entrypoint,omitempty"`
	Args       []string `json:"args"`
	// Service whose workload it is like.
	Service string `json:"service"`
	// Image instead of that service's.
	Image string `json:"image,omitempty"`
	// Timeout of the whole.
	Timeout time.Duration `json:"timeout"`
}

// ending is how long a command that was cancelled may take to end: whoever
// cancelled the release soon kills it, and what it changed still has to go back.
const ending = 3 * time.Second

// RunCommand runs a command as a task, which says where, under which name and like
// which workload, and returns the end of what it said. Only the error of one that
// ran and failed is a *kube.TaskError.
func RunCommand(ctx context.Context, cluster *kube.Cluster, as kube.Task, c Command) (string, error) {
	as.Image, as.Command, as.Args, as.Deadline, as.Ending = c.Image, c.Entrypoint, c.Args, c.Timeout, ending
	return cluster.Run(ctx, as)
}

// hook runs one of a service's commands. It belongs to the service's step, and a
// release that is resumed runs it again.
func (r *run) hook(ctx context.Context, s Service, when string, c *Command) error {
	if c == nil {
		return nil
	}
	start := time.Now()
	r.report(Progress{Service: s.Name, Phase: Hooking, Detail: when})
	like := r.manifestOf(c.Service)
	if like == nil {
		return fmt.Errorf("the hook %s %s: no service %s is released here", when, s.Name, c.Service)
	}
	output, err := RunCommand(ctx, r.Cluster, kube.Task{Namespace: r.Namespace, Name: taskName("hook-"+when, s.Name), Like: like, Still: r.Still}, *c)
	var failed *kube.TaskError
	if !errors.As(err, &failed) {
		r.report(Progress{Service: s.Name, Phase: Hooked, Detail: when, Elapsed: time.Since(start)})
		return err
	}
	f := &Failure{Service: s.Name, Reason: fmt.Sprintf("its hook %s the release failed: %s", when, r.redact(failed.Reason)), Logs: CleanLines([]byte(r.redact(output)))}
	if failed.Code != 0 {
		f.ExitCode = &failed.Code
	}
	return f
}

// Hooks are the names of the Jobs that a service's hooks run as.
func Hooks(service string) []string {
	return []string{taskName("hook-before", service), taskName("hook-after", service)}
}

// manifestOf is a service's workload as it is released.
func (r *run) manifestOf(service string) *kube.Object {
	for _, obj := range r.Objects {
		if serves(obj.GetKind()) && obj.GetNamespace() == r.Namespace && obj.GetName() == service {
			return obj
		}
	}
	return nil
}

// taskName is the name of a Job for a service, which may be as long as a name can be.
func taskName(what, service string) string {
	name := "slipway-" + what + "-" + service
	return name[:min(len(name), 63)]
}
