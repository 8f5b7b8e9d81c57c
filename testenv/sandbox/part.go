package sandbox

import (
	"context"
	"syscall"
)

// part is one process of the box.
type part struct {
	name    string
	args    []string // the command line, args[0] an absolute path
	env     []string // in addition to the box's own
	user    string   // runs as this user; root if empty
	mounts  bool     // in a mount namespace of its own
	stop    syscall.Signal
	prepare func() error                    // before each start, inside the box
	ready   func(ctx context.Context) error // a real question, asked from the machine
	facts   string                          // what status shows
}

// log is where a process of the box writes; Docker is none.
func (p part) log() string {
	if len(p.args) == 0 {
		return ""
	}
	return logPath(p.name)
}
