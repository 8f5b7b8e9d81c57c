package rollout

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// state is all that decides whether a workload has converged.
type state struct {
	workload workload // nil: it is not there
	pods     []*corev1.Pod
	// generation is the one our write made. What is older says nothing about us.
	generation int64
	// exits of containers that ran before our write. A service that is not
	// rolled may have restarted last month.
	exits map[string]int32
	// uid is that of the object that we wrote; "" for whatever has the name.
	uid types.UID
}

// verdict is what a state says.
type verdict struct {
	done    bool
	failure *sign
	ready   int
	wanted  int
	// waiting says what is still missing, for progress and for the deadline.
	waiting string
	// hold is what holds it up, as far as anything says so.
	hold *hold
	// pods of the new template that are not on their way out.
	pods []*corev1.Pod
	// absent says that the workload is not among those that are watched.
	absent bool
	// answered is how long the slowest healthy answer took, once they were asked.
	answered time.Duration
}

// why is what holds it up, for people; "" if nothing says so.
func (v verdict) why() string {
	if v.hold == nil {
		return ""
	}
	return v.hold.text
}

// sign is why a service cannot become healthy by waiting.
type sign struct {
	reason    string
	pod       *corev1.Pod
	container string
	exitCode  *int32
	gone      bool // what it is about is not there any more
}

// notThere is what is missing as long as the watches are behind our write.
const notThere = "its workload is not there yet"

// notSeen is what is missing as long as the status is of an older generation.
const notSeen = "the controller has not seen the change yet"

// assess decides about a state.
func assess(s state) verdict {
	w := s.workload
	if w == nil || s.uid != "" && w.GetUID() != s.uid {
		return verdict{waiting: notThere, absent: true}
	}
	// A Job that is done may be deleted for that.
	if found := deleted(w, kindOf(w)); found != nil && (!w.ends() || w.missing(nil) != "") {
		return verdict{failure: found}
	}
	if w.GetGeneration() < s.generation {
		return verdict{waiting: notThere}
	}
	var gone []*corev1.Pod
	if !w.ends() { // the dead pods of a Job are its work
		s.pods, gone = livingAndDead(s.pods)
	}
	v := verdict{wanted: w.wanted(), pods: w.news(s.pods)}
	slices.SortFunc(v.pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	v.ready = countReady(v.pods)
	if v.failure = doomed(s, v.pods); v.failure != nil {
		return v
	}
	v.waiting = w.missing(v.pods)
	v.done = v.waiting == ""
	if !v.done {
		died := s.died(w.news(gone))
		v.failure, v.hold = outgrown(died), held(w, v.pods, died)
	}
	return v
}

// replicas as a manifest says them, 1 if it does not.
func replicas(said *int32) int32 {
	if said == nil {
		return 1
	}
	return *said
}

func countReady(pods []*corev1.Pod) int {
	n := 0
	for _, pod := range pods {
		if ready(pod) {
			n++
		}
	}
	return n
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
