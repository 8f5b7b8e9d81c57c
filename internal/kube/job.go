package kube

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Task is a command that runs once, in a pod of its own, to its end. It runs as
// user 65532, "nonroot", whatever the image says, and without capabilities.
type Task struct {
	Namespace, Name string
	Image           string
	// Command and Args instead of the image's own entrypoint and command.
	Command, Args []string
	// Env are variables, kept in a Secret that goes with the Job.
	Env map[string]string
	// EnvFrom are the application's own ConfigMaps and Secrets.
	EnvFrom []corev1.EnvFromSource
	// Pull are the Secrets with which the image is pulled.
	Pull []corev1.LocalObjectReference
	// Like is a workload whose variables, volumes, account, user and limits the
	// task has, and its image too, if it has none; nil for none.
	Like *Object
	// Deadline of the whole. Default: 15 minutes.
	Deadline time.Duration
	// Ending is how long its pod may take to end once ctx was cancelled; one that
	// takes longer has been told to, and the cluster kills it. Default: 20 seconds.
	Ending time.Duration
	// Labels it has beside those of every task.
	Labels map[string]string
	// Still is asked once the task is made and before it runs, and before another one
	// of its name is ended: whoever has been overtaken must do neither. nil allows both.
	Still func(ctx context.Context) error
	// Said is told when it waits, runs and ends.
	Said func(message string)

	secret string // which holds Env; of its own in each run, since the one before may still be there
}

// TaskError says that a task did not succeed.
type TaskError struct {
	Task   string // Job/namespace/name
	Reason string
	Code   int32 // exit code, 0 if its container never ran
}

func (e *TaskError) Error() string { return e.Task + ": " + e.Reason }

// endedByOthers is why a task failed that was deleted while it was waited for.
const endedByOthers = "somebody else ended it"

// taskContainer is the name of the one container in a task's pod.
const taskContainer = "task"

// Run runs a task and returns the end of what it said. One of the same name that
// an earlier process left is ended first. The Job and all that belongs to it are
// gone afterwards, also when ctx was cancelled; one that is left because this
// process died ends by its deadline, if it ran.
func (c *Cluster) Run(ctx context.Context, t Task) (output string, err error) {
	if t.Deadline <= 0 {
		t.Deadline = 15 * time.Minute
	}
	t.secret = t.Name + "-" + strings.ToLower(rand.Text()[:8])
	if t.Said == nil {
		t.Said = func(string) {}
	}
	ctx, stop := context.WithTimeoutCause(ctx, t.Deadline+time.Minute, errors.New("it did not end by its deadline"))
	defer stop()
	var job *Object
	defer func() {
		if job == nil && ctx.Err() == nil {
			return // none was made
		}
		given := 20 * time.Second
		if ctx.Err() != nil && t.Ending > 0 {
			given = t.Ending
		}
		ended, stop := context.WithTimeoutCause(context.WithoutCancel(ctx), given, fmt.Errorf("its pod does not end within %s", given))
		defer stop()
		if job == nil {
			err = errors.Join(err, c.EndTask(ended, t))
		} else {
			err = errors.Join(err, c.endJob(ended, job))
		}
	}()
	if job, err = c.makeTask(ctx, t); err != nil {
		return "", err
	}
	if err := c.startTask(ctx, t, job); err != nil {
		return "", err
	}
	pod, err := c.awaitTask(ctx, t, job.GetUID())
	if pod != nil {
		reading, stop := Outlast(ctx, context.WithoutCancel(ctx), 2*time.Second)
		defer stop()
		log, failed := c.Logs(reading, t.Namespace, pod.Name, LogOptions{Container: taskContainer, Lines: 2000})
		if output = string(log); failed != nil && err == nil {
			err = failed
		}
	}
	return output, err
}

// makeTask makes the Job of a task. One that is there is ended first, or is left
// alone if it belongs to whoever has overtaken us.
func (c *Cluster) makeTask(ctx context.Context, t Task) (*Object, error) {
	typed := t.job()
	if err := t.imitate(&typed.Spec.Template.Spec); err != nil {
		return nil, err
	}
	job, err := Untyped("batch/v1", "Job", typed)
	if err != nil {
		return nil, err
	}
	for {
		if err := c.EndTask(ctx, t); err != nil {
			return nil, err
		}
		made, err := c.createTask(ctx, job)
		if !Exists(err) {
			return made, err
		}
		if there, failed := c.taskJob(ctx, t); failed == nil && there != nil && !t.marked(there) {
			return nil, &TakenError{Job: ID(there)}
		}
		if t.Still == nil {
			return made, err
		}
	}
}

// createTask waits for the answer also when it is cancelled: there may be a Job to end.
func (c *Cluster) createTask(ctx context.Context, job *Object) (*Object, error) {
	making, stop := Outlast(ctx, context.WithoutCancel(ctx), 3*time.Second)
	defer stop()
	return c.Create(making, job)
}

// startTask gives a Job that is asleep its Secret, which belongs to it so that
// nothing outlives it, and wakes it, if it still may and the Job is still that one.
func (c *Cluster) startTask(ctx context.Context, t Task, job *Object) error {
	if !t.asleep() {
		return nil
	}
	if len(t.Env) > 0 {
		secret, err := Untyped("v1", "Secret", corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Name: t.secret, Namespace: t.Namespace, Labels: t.labels(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: t.Name, UID: job.GetUID()}},
		}, StringData: t.Env})
		if err != nil {
			return err
		}
		if _, err := c.Create(ctx, secret); err != nil && !Exists(err) {
			return err
		}
	}
	if t.Still != nil {
		if err := t.Still(ctx); err != nil {
			return err
		}
	}
	err := c.merge(ctx, job, "wake", map[string]any{"metadata": map[string]any{"uid": job.GetUID()}, "spec": map[string]any{"suspend": false}})
	if NotFound(err) || apierrors.IsInvalid(err) || Stale(err) {
		return &TaskError{Task: ID(job), Reason: endedByOthers}
	}
	return err
}

// asleep reports whether something is to be done between making the Job and its start.
func (t Task) asleep() bool { return len(t.Env) > 0 || t.Still != nil }

func (t Task) labels() map[string]string {
	all := map[string]string{"app.kubernetes.io/managed-by": Manager, taskLabel: t.Name}
	maps.Copy(all, t.Labels)
	return all
}

func (t Task) job() batchv1.Job {
	no, yes, never, grace, nobody, asleep := false, true, int32(0), int64(5), int64(65532), t.asleep()
	deadline, kept := int64(t.Deadline.Seconds()), int32(3600)
	from := t.EnvFrom
	if len(t.Env) > 0 {
		own := corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: t.secret}}}
		from = append(slices.Clone(from), own) // the last one wins
	}
	return batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: t.Name, Namespace: t.Namespace, Labels: t.labels()},
		Spec: batchv1.JobSpec{
			Suspend: &asleep, BackoffLimit: &never, ActiveDeadlineSeconds: &deadline, TTLSecondsAfterFinished: &kept,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: t.labels()},
				Spec: corev1.PodSpec{
					RestartPolicy: corev1.RestartPolicyNever, AutomountServiceAccountToken: &no, ImagePullSecrets: t.Pull,
					EnableServiceLinks: &no, TerminationGracePeriodSeconds: &grace,
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot: &yes, RunAsUser: &nobody, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					Containers: []corev1.Container{{
						Name: taskContainer, Image: t.Image, Command: t.Command, Args: t.Args, EnvFrom: from,
						SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
						Resources: corev1.ResourceRequirements{
							Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
							Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
						},
					}},
				},
			},
		},
	}
}

// imitate gives the task's pod what the workload's have that it is to be like.
func (t Task) imitate(pod *corev1.PodSpec) error {
	if t.Like == nil {
		return nil
	}
	like, err := podOfWorkload(t.Like)
	if err != nil {
		return fmt.Errorf("run %s: %w", t.Name, err)
	}
	main, own := like.Containers[0], &pod.Containers[0]
	if own.Image == "" {
		own.Image = main.Image
	}
	own.Env, own.EnvFrom = main.Env, append(slices.Clone(main.EnvFrom), own.EnvFrom...)
	own.VolumeMounts, own.WorkingDir, own.SecurityContext = main.VolumeMounts, main.WorkingDir, main.SecurityContext
	own.Resources = main.Resources
	pod.Volumes, pod.ServiceAccountName, pod.AutomountServiceAccountToken = like.Volumes, like.ServiceAccountName, like.AutomountServiceAccountToken
	pod.SecurityContext, pod.NodeSelector, pod.Tolerations, pod.Affinity = like.SecurityContext, like.NodeSelector, like.Tolerations, like.Affinity
	pod.ImagePullSecrets = append(slices.Clone(like.ImagePullSecrets), pod.ImagePullSecrets...)
	// Volumes that a StatefulSet makes for each of its pods are not the task's.
	own.VolumeMounts = slices.DeleteFunc(slices.Clone(own.VolumeMounts), func(m corev1.VolumeMount) bool {
		return !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
	})
	return nil
}

// awaitTask watches a task to its end and returns its pod, nil if none ever ran.
func (c *Cluster) awaitTask(ctx context.Context, t Task, uid types.UID) (*corev1.Pod, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	look, changed := signal()
	jobs, err := Follow[batchv1.Job](ctx, c, Jobs, t.Namespace, changed)
	if err != nil {
		return nil, err
	}
	pods, err := Follow[corev1.Pod](ctx, c, Pods, t.Namespace, changed)
	if err != nil {
		return nil, err
	}
	doing, id := "", "Job/"+t.Namespace+"/"+t.Name
	for {
		pod, job := podOf(pods.List(), uid), jobs.Get(t.Name)
		if job == nil || job.UID != uid || job.DeletionTimestamp != nil {
			return pod, &TaskError{Task: id, Reason: endedByOthers}
		}
		if now := phase(pod); now != doing {
			doing = now
			t.Said(t.Name + ": " + now)
		}
		switch reason := taskFailed(job, pod); {
		case reason != "":
			return pod, &TaskError{Task: id, Reason: reason, Code: exitOf(pod)}
		case job.Status.Succeeded > 0, pod != nil && pod.Status.Phase == corev1.PodSucceeded: // the pod knows it first
			return pod, nil
		}
		select {
		case <-ctx.Done():
			return pod, fmt.Errorf("%s: %w", id, context.Cause(ctx))
		case <-look:
		}
	}
}

// podOf is the pod of a Job; it makes no second one.
func podOf(pods []*corev1.Pod, job types.UID) *corev1.Pod {
	i := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return ownedBy(p, job) && p.DeletionTimestamp == nil })
	if i < 0 {
		return nil
	}
	return pods[i]
}

func phase(pod *corev1.Pod) string {
	if pod == nil {
		return "waits for its pod"
	}
	return strings.ToLower(string(pod.Status.Phase))
}

// hopeless reports a reason to wait that goes away only when somebody changes
// something. A node under load reports its own time-outs in the same way.
func hopeless(w *corev1.ContainerStateWaiting) bool {
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError":
		return !strings.Contains(w.Message, "failed to sync") && !strings.Contains(w.Message, "deadline exceeded")
	}
	return false
}

// taskFailed says why a task failed or cannot start, "" if neither.
func taskFailed(job *batchv1.Job, pod *corev1.Pod) string {
	if pod != nil {
		for _, s := range pod.Status.ContainerStatuses {
			if w := s.State.Waiting; w != nil && hopeless(w) {
				return w.Reason + ": " + w.Message
			}
			if e := s.State.Terminated; e != nil && e.ExitCode != 0 {
				if e.Reason == "OOMKilled" {
					return "it was killed: it took more than 512 MiB of memory"
				}
				return fmt.Sprintf("exit code %d", e.ExitCode)
			}
		}
	}
	if job == nil {
		return ""
	}
	for _, c := range job.Status.Conditions {
		if c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue {
			return strings.TrimSpace(c.Reason + ": " + c.Message)
		}
	}
	return ""
}

func exitOf(pod *corev1.Pod) int32 {
	if pod == nil {
		return 0
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Terminated != nil {
			return s.State.Terminated.ExitCode
		}
	}
	return 0
}
