// Package status is `slipway status`: which release an environment runs, and
// how its services are doing.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/teei/slipway/actions/environment"
	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/ledger"
)

// Status is how an environment is doing.
type Status struct {
	Environment string `json:"environment"`
	// Release is the newest one, and State how it ended.
	Release string `json:"release,omitempty"`
	State   string `json:"state,omitempty"`
	// Runs is the release whose state the environment is in, which is another one
	// where the newest failed; "" for none. Summary says both in a sentence.
	Runs    string `json:"runs,omitempty"`
	Summary string `json:"summary"`
	// Unfinished says what is wrong with the newest release: it ended in the middle, it
	// is stuck, or nobody knows. "" for nothing.
	Unfinished string `json:"unfinished,omitempty"`
	advice     string // what to do about that
	// Damaged says which records cannot be read, "" for none.
	Damaged  string    `json:"damaged,omitempty"`
	Services []Service `json:"services"`
}

// Service is how one service is doing, in the order in which they are released.
type Service struct {
	Name     string `json:"name"`
	Image    string `json:"image"`
	Ready    int32  `json:"ready"`
	Wanted   int32  `json:"wanted"`
	Restarts int32  `json:"restarts"`
	// Trouble says what is wrong, "" for nothing.
	Trouble string `json:"trouble,omitempty"`
}

// Command is `slipway status`.
func Command() *cobra.Command {
	var flags environment.Flags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show which release an environment runs, and how its services are doing", Args: cobra.NoArgs,
		Long: "Show which release an environment runs, and how its services are doing. The exit code is 1 where a service\n" +
			"is in trouble, and where the newest release ended in the middle, so that two versions may run side by side.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return Run(cmd.Context(), flags, asJSON, cmd.OutOrStdout())
		},
	}
	action.Outputs(cmd, map[string]string{
		"release": "the newest release, such as production #42", "state": "how it ended", "runs": "the release that runs, such as production #41 where the newest failed",
		"healthy": "true if all services have the pods they should have, and no release ended in the middle",
	})
	flags.Add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// Run shows the status. A service in trouble is an error.
func Run(ctx context.Context, flags environment.Flags, asJSON bool, w io.Writer) error {
	e, err := flags.Open(ctx)
	if err != nil {
		return err
	}
	s, err := read(ctx, e)
	if err != nil {
		return err
	}
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(s)
	} else {
		err = s.table(w)
	}
	if err != nil {
		return err
	}
	err = s.verdict(e.Target.Namespace)
	action.Output("release", s.Release)
	action.Output("state", s.State)
	action.Output("runs", s.Runs)
	action.Output("healthy", fmt.Sprint(err == nil))
	action.Summary(fmt.Sprintf("## %s\n\n%s\n", s.Environment, s.Summary))
	return err
}

func read(ctx context.Context, e *environment.Environment) (*Status, error) {
	s := &Status{Environment: e.Ledger.Environment, Services: []Service{}}
	records, err := e.Ledger.Releases(ctx)
	if err != nil && !errors.As(err, new(*ledger.DamagedError)) {
		return nil, err
	}
	if err != nil {
		s.Damaged = err.Error()
	}
	if err := s.about(ctx, e.Ledger, records); err != nil {
		return nil, err
	}
	found, err := workloads(ctx, e)
	if err != nil {
		return nil, err
	}
	pods, err := kube.List[corev1.Pod](ctx, e.Cluster, kube.Pods, e.Target.Namespace, "", "")
	if err != nil {
		return nil, err
	}
	for _, service := range e.Platform.Ordered() {
		if s.State == ledger.Uninstalled && found[service.Name] == nil {
			continue // as it is to be
		}
		s.Services = append(s.Services, serviceOf(service.Name, found[service.Name], pods))
	}
	return s, nil
}

// workload is what a service's Deployment, StatefulSet or DaemonSet says.
type workload struct {
	selector      *metav1.LabelSelector
	pods          []corev1.Container
	wanted, ready int32
}

// workloads are those of the namespace, by name.
func workloads(ctx context.Context, e *environment.Environment) (map[string]*workload, error) {
	found := map[string]*workload{}
	deployments, err := kube.List[appsv1.Deployment](ctx, e.Cluster, kube.Deployments, e.Target.Namespace, "", "")
	if err != nil {
		return nil, err
	}
	for _, d := range deployments {
		found[d.Name] = &workload{d.Spec.Selector, d.Spec.Template.Spec.Containers, replicas(d.Spec.Replicas), d.Status.ReadyReplicas}
	}
	sets, err := kube.List[appsv1.StatefulSet](ctx, e.Cluster, kube.StatefulSets, e.Target.Namespace, "", "")
	if err != nil {
		return nil, err
	}
	for _, s := range sets {
		found[s.Name] = &workload{s.Spec.Selector, s.Spec.Template.Spec.Containers, replicas(s.Spec.Replicas), s.Status.ReadyReplicas}
	}
	daemons, err := kube.List[appsv1.DaemonSet](ctx, e.Cluster, kube.DaemonSets, e.Target.Namespace, "", "")
	for _, d := range daemons {
		found[d.Name] = &workload{d.Spec.Selector, d.Spec.Template.Spec.Containers, d.Status.DesiredNumberScheduled, d.Status.NumberReady}
	}
	return found, err
}

func replicas(said *int32) int32 {
	if said == nil {
		return 1
	}
	return *said
}

func serviceOf(name string, found *workload, pods []*corev1.Pod) Service {
	s := Service{Name: name}
	if found == nil {
		s.Trouble = "it is not there"
		return s
	}
	s.Wanted, s.Ready = found.wanted, found.ready
	if len(found.pods) > 0 {
		s.Image = found.pods[0].Image
	}
	selector, err := metav1.LabelSelectorAsMap(found.selector)
	for _, pod := range pods {
		// One that is on its way out, or dead, says nothing about what runs.
		dead := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
		if err == nil && pod.DeletionTimestamp == nil && !dead && matches(pod.Labels, selector) {
			for _, c := range pod.Status.ContainerStatuses {
				s.Restarts += c.RestartCount
				if w := c.State.Waiting; w != nil && s.Trouble == "" && w.Reason != "ContainerCreating" {
					s.Trouble = w.Reason
				}
			}
		}
	}
	if s.Trouble == "" && s.Ready < s.Wanted {
		s.Trouble = "pods are not ready"
	}
	return s
}

func matches(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}

func (s *Status) troubled() []string {
	var names []string
	for _, service := range s.Services {
		if service.Trouble != "" {
			names = append(names, service.Name)
		}
	}
	return names
}

func (s *Status) table(w io.Writer) error {
	if s.Release == "" {
		fmt.Fprintf(w, "nothing was released to %s yet\n\n", s.Environment)
	} else {
		fmt.Fprintf(w, "%s %s\n\n", s.Environment, s.Summary)
	}
	if s.Damaged != "" {
		fmt.Fprintf(w, "! %s\n\n", s.Damaged)
	}
	if len(s.Services) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "service\tpods\trestarts\timage\ttrouble")
	for _, service := range s.Services {
		fmt.Fprintf(t, "%s\t%d/%d\t%d\t%s\t%s\n", service.Name, service.Ready, service.Wanted, service.Restarts, shortImage(service.Image), service.Trouble)
	}
	return t.Flush()
}

// shortImage is the last part of its name with the beginning of its digest.
func shortImage(image string) string {
	if image == "" {
		return ""
	}
	name, digest, ok := strings.Cut(path.Base(image), "@")
	if _, hex, cut := strings.Cut(digest, ":"); ok && cut {
		return name + "@" + hex[:min(12, len(hex))]
	}
	return name
}
