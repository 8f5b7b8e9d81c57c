package sandbox

import (
	"errors"
	"sync"
	"syscall"
)

// reaper collects every child of PID 1: the parts it started and the orphans
// that their descendants leave. os/exec would race with it for exit statuses,
// so the box starts all its processes here.
type reaper struct {
	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

func newReaper() *reaper {
	return &reaper{waiting: map[int]chan syscall.WaitStatus{}}
}

// start runs a process and returns its pid and a channel with its end.
func (r *reaper) start(argv []string, attr *syscall.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	// Held while forking, so that a child that ends at once is not reaped
	// before it is known.
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, nil, err
	}
	c := make(chan syscall.WaitStatus, 1)
	r.waiting[pid] = c
	return pid, c, nil
}

// reap collects what has ended; call it on every SIGCHLD.
func (r *reaper) reap() {
	for {
		var status syscall.WaitStatus
		r.mu.Lock()
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			r.mu.Unlock()
			continue
		}
		if pid <= 0 {
			r.mu.Unlock()
			return
		}
		if c, ok := r.waiting[pid]; ok {
			delete(r.waiting, pid)
			c <- status
		}
		r.mu.Unlock()
	}
}
