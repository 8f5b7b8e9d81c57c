// Package rollout updates the services of a platform one at a time, in order,
// each verified before the next, and takes back what it changed when one fails.
package rollout

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/internal/platform"
)

// Service is one service to be rolled out. Its workload is the Deployment,
// StatefulSet or DaemonSet of the same name.
type Service struct {
	Name string
	// Port it listens on, in its pods.
	Port int
	// Health is the path that answers 2xx when it can serve.
	Health string
	// Image it must run, by digest. Empty: whatever the manifests say.
	Image string
	// Before and After are commands around its release; nil for none.
	Before, After *Command
	// Group is the number of the services it is released together with; 0 for one
	// that is released alone.
	Group int
	// Deadline by which it has to be healthy; 0 for that of the rollout.
	Deadline time.Duration `json:",omitempty"`
}

// Options describe one rollout.
type Options struct {
	Cluster   *kube.Cluster
	Namespace string
	// Owner is whose release it is: what lives outside of namespaces is marked with it,
	// and another's is left alone. Without a platform, nothing is.
	Owner platform.Owner
	// Environment is how commands name it, for hints.
	Environment string
	// Objects to apply, in order; the services' workloads are taken out and applied in the services' order.
	Objects []*kube.Object
	// Services in the order they are released.
	Services []Service
	// Neighbours are the services of the platform: those that are not among Services
	// are not released, and how they are is known before the first write all the same.
	Neighbours []Service
	// Before are the services that were not healthy before the first write, as
	// somebody looked; nil if nobody has. One that does not change is not waited for.
	Before []ledger.Condition
	// Undone are the changes of a release that ended in the middle and is taken back
	// before this one: a preview is of what comes after that.
	Undone []Change
	// Lookout has watched the namespace since then; nil begins to.
	Lookout *Lookout
	// Deadline of a service that has none of its own, and of any other workload,
	// counted from our write. Default: 3 minutes.
	Deadline time.Duration
	// Missing is how long what a pod refers to, such as a Secret or a key in it, may be
	// missing before its service fails. Default: 30 seconds.
	Missing time.Duration
	// Settle is how long a service with new pods has to stay available, without
	// a restart, before the next one begins.
	Settle time.Duration
	// Critical reports whether a line must not be in a new pod's log; nil if nobody cares.
	Critical func(line string) bool
	// Since leaves out what the logs said earlier.
	Since time.Time
	// Metrics of the new pods must not show too many errors while the service
	// settles; nil if nobody looks.
	Metrics *platform.Metrics
	// Verify is called when all services are healthy; if it fails, all is taken back.
	Verify func(context.Context) error
	// Progress is called when something happened, never twice at a time. It must not block.
	Progress func(Progress)
	// Redact takes secrets out of logs and messages of pods.
	Redact func(string) string
	// Leave leaves what failed as it is, to who takes it back together with more.
	Leave bool
	// Was is a service as the release before had it: the health path that it has
	// to answer when it goes back may have been another. nil, or a service without
	// a health path, where nobody knows; then its pods have to be available.
	Was func(ctx context.Context, service string) (Service, error)
	// Grace is how long a run may last, with all that it takes back, once it was
	// cancelled, where somebody will kill it then. What does not fit is left, and the error holds a
	// *LeftError. 0 is as long as it takes.
	Grace time.Duration
	// Journal is told of each step before and after it; nil if nobody keeps one.
	Journal Journal
	// Guard decides on each write; nil allows all.
	Guard Guard
	// Still is asked right before a hook begins, which no version of an object can
	// refuse; it fails when another run has taken over. nil allows all.
	Still func(context.Context) error
	// Earlier are the changes noted by an attempt at this release that did not
	// end. They are taken back together with this run's.
	Earlier []Change
}

// Phase is what happens to a service.
type Phase string

// The phases of a service, in order.
const (
	Applying Phase = "applying"
	Passed   Phase = "passed" // not healthy before and not changed, so not waited for
	Hooking  Phase = "hooking"
	Hooked   Phase = "hooked"
	Waiting  Phase = "waiting"
	Probing  Phase = "probing"
	Settling Phase = "settling"
	Healthy  Phase = "healthy"
	Failed   Phase = "failed"
	Undoing  Phase = "undoing"
	Undid    Phase = "undone"
	Leaving  Phase = "leaving" // what somebody else decided stays
)

// Progress tells what happens now.
type Progress struct {
	// Service, or the object (Kind/namespace/name) that is not a service's.
	Service string
	Phase   Phase
	Ready   int
	Wanted  int
	Elapsed time.Duration
	// Answered is how long the slowest answer of a healthy service took.
	Answered time.Duration
	Detail   string
	// Why is what holds up a service that is waited for, as far as anything says so.
	Why string
}

// Result is what a rollout did.
type Result struct {
	Services []ServiceResult `json:"services"`
	Objects  []ObjectResult  `json:"objects"`
	Failure  *Failure        `json:"failure,omitempty"`
	Undone   []Undone        `json:"undone,omitempty"`
	// Left are objects that were to be changed, and stay as somebody else made them.
	Left []Left `json:"left,omitempty"`
}

// ServiceResult is the outcome of one service.
type ServiceResult struct {
	Name    string  `json:"name"`
	Order   int     `json:"order"`
	Port    int     `json:"port"`
	Image   string  `json:"image"`
	Healthy bool    `json:"healthy"`
	Seconds float64 `json:"seconds"`
	// Changed is false when the workload was already as it should be, and no pod was replaced.
	Changed bool `json:"changed"`
	Pods    int  `json:"pods"`
	// Answered is how many seconds the slowest healthy answer took, of its new
	// pods and through its Service.
	Answered float64 `json:"answered,omitempty"`
	// Outcome is what became of it, once Judge was asked; Failed says that it is why
	// the rollout ended.
	Outcome Outcome `json:"outcome,omitempty"`
	Failed  bool    `json:"failed,omitempty"`
	// Before is why it was not healthy before the release, where it does not change:
	// then it was not waited for.
	Before string `json:"before,omitempty"`
	// Running are the pods that were looked at.
	Running []*corev1.Pod `json:"-"`
}

// ObjectResult is an object that is not a service's workload: created, changed or unchanged.
type ObjectResult struct {
	ID     string `json:"id"`
	Action string `json:"action"`
}

// Failure is why a rollout stopped.
type Failure struct {
	Service   string       `json:"service"`
	Reason    string       `json:"reason"`
	Pod       string       `json:"pod,omitempty"`
	Container string       `json:"container,omitempty"`
	ExitCode  *int32       `json:"exitCode,omitempty"`
	Logs      []string     `json:"logs,omitempty"`
	Events    []kube.Event `json:"events,omitempty"`
	// Command shows more.
	Command string `json:"command,omitempty"`

	looked bool // nothing was to be changed
}

func (f *Failure) Error() string {
	if f.looked {
		return f.Service + ": " + f.Reason
	}
	return fmt.Sprintf("roll out %s: %s", f.Service, f.Reason)
}

// Hint says where to look further.
func (f *Failure) Hint() string {
	if f.Command == "" {
		return ""
	}
	return "look further with: " + f.Command
}

// Failures are all those in an error, which may join several.
func Failures(err error) (all []*Failure) {
	switch e := err.(type) { //nolint:errorlint // it unwraps all of them by itself
	case nil:
		return nil
	case *Failure:
		return []*Failure{e}
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			all = append(all, Failures(part)...)
		}
	case interface{ Unwrap() error }:
		return Failures(e.Unwrap())
	}
	return all
}

// Undone is one change that was taken back.
type Undone struct {
	ID string `json:"id"`
	// Service, if it is a service's workload.
	Service string `json:"service,omitempty"`
	// Action: restored, deleted or kept (what may hold data is never deleted).
	Action string `json:"action"`
	// Verified says that it is as before, and runs, if it ran before.
	Verified bool    `json:"verified"`
	Seconds  float64 `json:"seconds"`
	Error    string  `json:"error,omitempty"`
}

func (o *Options) redact(text string) string {
	if o.Redact != nil {
		return o.Redact(text)
	}
	return text
}

// check makes sure that each service has a Deployment, and that it runs the
// image that was built.
func (o *Options) check() error {
	workloads := map[string]*kube.Object{}
	for _, obj := range o.Objects {
		if !serves(obj.GetKind()) || obj.GetNamespace() != o.Namespace {
			continue
		}
		if other := workloads[obj.GetName()]; other != nil {
			return fmt.Errorf("roll out %s: it is a %s and a %s, and a service is one of them", obj.GetName(), other.GetKind(), obj.GetKind())
		}
		workloads[obj.GetName()] = obj
	}
	named := map[string]bool{}
	var without []string
	for _, s := range o.Services {
		if named[s.Name] {
			return fmt.Errorf("roll out %s: it is named twice", s.Name)
		}
		named[s.Name] = true
		if workloads[s.Name] == nil {
			without = append(without, s.Name)
		}
	}
	if len(without) > 0 {
		return fmt.Errorf("roll out %s: the manifests have no Deployment, StatefulSet or DaemonSet of that name in namespace %s", strings.Join(without, ", "), o.Namespace)
	}
	for _, s := range o.Services {
		if err := runsImage(workloads[s.Name], s); err != nil {
			return err
		}
	}
	return o.checkDeadlines()
}

// runsImage makes sure that the manifest takes the image that was built:
// a name that does not match would otherwise release the old one, successfully.
func runsImage(obj *kube.Object, s Service) error {
	if s.Image == "" {
		return nil
	}
	if images := kube.Images(obj); !contains(images, s.Image) {
		return fmt.Errorf("roll out %s: its %s runs %s, not %s", s.Name, obj.GetKind(), strings.Join(images, ", "), s.Image)
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}
