package kube_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/kube/kubetest"
	"github.com/teei/slipway/testenv/testenv"
)

// task is a command of a shell.
func task(namespace, name, script string) kube.Task {
	return kube.Task{Namespace: namespace, Name: name, Image: "node:22-bookworm-slim", Command: []string{"sh", "-c", script}}
}

func TestTask(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	for name, tt := range map[string]struct {
		script, image string
		deadline      time.Duration
		says          string // of the error, "" for none
		output        string
	}{
		"succeeds":   {script: `echo "$GREETING from $(id -u)"`, output: "hello from 65532\n"},
		"fails":      {script: `echo half; echo broken >&2; exit 7`, says: "exit code 7", output: "half\nbroken\n"},
		"unknown":    {image: "example.invalid/none:1", says: "ImagePull"},
		"bad-name":   {image: "NOT/an image", says: "InvalidImageName"},
		"takes-long": {script: `echo begun; sleep 600`, deadline: 4 * time.Second, says: "DeadlineExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			it := task(namespace, name, tt.script)
			it.Env, it.Deadline = map[string]string{"GREETING": "hello"}, tt.deadline
			if tt.image != "" {
				it.Image = tt.image
			}
			output, err := c.Run(t.Context(), it)
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "Job/"+namespace+"/"+name)) {
				t.Errorf("%v, want %q", err, tt.says)
			}
			// A container's two outputs come by two pipes, in no order between them.
			said, want := strings.SplitAfter(output, "\n"), strings.SplitAfter(tt.output, "\n")
			slices.Sort(said)
			slices.Sort(want)
			if tt.deadline == 0 && !slices.Equal(said, want) { // the pod of a Job beyond its deadline is deleted
				t.Errorf("it said %q, want %q", output, tt.output)
			}
			nothingLeft(t, namespace, name)
		})
	}
}

func nothingLeft(t *testing.T, namespace, name string) {
	t.Helper()
	if left := testenv.Kubectl(t, "--namespace", namespace, "get", "jobs,pods", "--selector", "slipway.dev/task="+name, "--output", "name"); left != "" {
		t.Errorf("left behind: %s", left)
	}
}

// TestTaskIsEnded: cancelled, or found again by the next process, nothing of it
// goes on.
func TestTaskIsEnded(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	it := task(namespace, "slow", `exec sleep 600`)
	it.Said = func(message string) {
		if strings.HasSuffix(message, "running") {
			cancel(errors.New("Ctrl-C"))
		}
	}
	if _, err := c.Run(ctx, it); err == nil || !strings.Contains(err.Error(), "Ctrl-C") {
		t.Errorf("%v", err)
	}
	nothingLeft(t, namespace, "slow")

	began := make(chan struct{})
	it.Said = func(message string) {
		if strings.HasSuffix(message, "running") {
			close(began)
		}
	}
	ended := make(chan error)
	go func() { _, err := c.Run(t.Context(), it); ended <- err }()
	<-began
	again := task(namespace, "slow", `echo the second`)
	if output, err := c.Run(t.Context(), again); err != nil || output != "the second\n" {
		t.Errorf("%q, %v", output, err)
	}
	if err := <-ended; err == nil {
		t.Error("the first one believes that it succeeded")
	}
}

// TestTaskOfWhoWasOvertaken: between making its Job and waking it, and before it
// ends another one of that name, a run learns that it is no longer to.
func TestTaskOfWhoWasOvertaken(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	overtaken := errors.New("another run took over")
	it := task(namespace, "hook", "true")
	it.Still = func(context.Context) error { return overtaken }
	if _, err := c.Run(t.Context(), it); !errors.Is(err, overtaken) {
		t.Errorf("%v", err)
	}
	nothingLeft(t, namespace, "hook")
	if pods := podsMade(t, namespace, "hook"); pods != 0 {
		t.Errorf("%d pods were made", pods)
	}

	// What has that name now is of whoever took over.
	running, ended := make(chan struct{}), make(chan error)
	theirs := task(namespace, "hook", "sleep 5; echo theirs")
	theirs.Said = func(message string) {
		if strings.HasSuffix(message, "running") {
			close(running)
		}
	}
	go func() {
		output, err := c.Run(t.Context(), theirs)
		if err == nil && output != "theirs\n" {
			err = errors.New("it said " + output)
		}
		ended <- err
	}()
	<-running
	if _, err := c.Run(t.Context(), it); !errors.Is(err, overtaken) {
		t.Errorf("%v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the run that took over: %v", err)
	}

	// It is overtaken after it was asked: its own Job is gone, and another one there.
	it.Still = func(ctx context.Context) error {
		if err := c.EndTask(ctx, kube.Task{Namespace: namespace, Name: "hook"}); err != nil {
			return err
		}
		testenv.Kubectl(t, "--namespace", namespace, "create", "job", "hook", "--image", "node:22-bookworm-slim", "--", "true")
		testenv.Kubectl(t, "--namespace", namespace, "wait", "--for=condition=complete", "job/hook", "--timeout=60s")
		testenv.Kubectl(t, "--namespace", namespace, "label", "job/hook", "by=others")
		return nil
	}
	var failed *kube.TaskError
	if _, err := c.Run(t.Context(), it); !errors.As(err, &failed) || failed.Reason != "somebody else ended it" {
		t.Errorf("%v", err)
	}
	if left := testenv.Kubectl(t, "--namespace", namespace, "get", "jobs", "--selector", "by=others", "--output", "name"); strings.TrimSpace(left) != "job.batch/hook" {
		t.Errorf("the other Job is not as it was: %q", left)
	}
}

// A Job that only has the name of a task is left alone: by whoever wants to run the
// task, and by whoever ends what a process that died left.
func TestTaskLeavesOthersJobsAlone(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Cluster(t), testenv.Namespace(t)
	for name, labels := range map[string]string{
		"unlabelled":     "{}",
		"of-another":     `{app.kubernetes.io/managed-by: slipway, slipway.dev/task: of-another, slipway.dev/ledger: slipway-b-prod}`,
		"of-another-job": `{app.kubernetes.io/managed-by: slipway, slipway.dev/task: its-copy}`,
		"ours":           `{app.kubernetes.io/managed-by: slipway, slipway.dev/task: ours, slipway.dev/ledger: slipway-a-prod}`,
		"of-older":       `{app.kubernetes.io/managed-by: slipway, slipway.dev/task: of-older}`,
	} {
		objects, err := kube.Render(t.Context(), kube.Source{Name: "test", Text: []byte(`{apiVersion: batch/v1, kind: Job, metadata: {name: ` + name + `}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: none}]}}}}`)}, kube.RenderOptions{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		unstructured.RemoveNestedField(objects[0].Object, "metadata", "labels")
		var given map[string]any
		if err := yaml.Unmarshal([]byte(labels), &given); err != nil {
			t.Fatal(err)
		}
		if err := unstructured.SetNestedMap(objects[0].Object, given, "metadata", "labels"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Create(t.Context(), objects[0]); err != nil {
			t.Fatal(err)
		}
		it := task(namespace, name, "true")
		it.Labels = map[string]string{kube.LedgerLabel: "slipway-a-prod"}
		goes := name == "ours" || name == "of-older"
		if !goes {
			if _, err := c.Run(t.Context(), it); !errors.As(err, new(*kube.TakenError)) {
				t.Errorf("%s: run over it: %v", name, err)
			}
		}
		if err := c.EndTask(t.Context(), it); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if live, err := c.Read(t.Context(), objects[0]); err != nil || (live == nil) != goes {
			t.Errorf("%s: gone %v, %v", name, live == nil, err)
		}
	}
}

// podsMade counts the pods that a Job was seen to make.
func podsMade(t *testing.T, namespace, job string) int {
	t.Helper()
	events := testenv.Kubectl(t, "--namespace", namespace, "get", "events", "--output", "name", "--field-selector", "reason=SuccessfulCreate,involvedObject.name="+job)
	return len(strings.Fields(events))
}
