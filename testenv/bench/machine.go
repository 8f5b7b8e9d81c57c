package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/teei/slipway/testenv/sandbox"
)

// A Machine is where and when it was measured.
type Machine struct {
	Date     time.Time
	Took     time.Duration
	Revision string // of git
	Cores    int
	CPU      string
	Kernel   string
	Versions []string // name and version
	Before   string   // load averages of 1, 5 and 15 minutes
	After    string
	Repeated int // runs that failed and were repeated
}

func (m Machine) render(b *strings.Builder) {
	b.WriteString("| | |\n|---|---|\n")
	row := func(name, value string) { fmt.Fprintf(b, "| %s | %s |\n", name, value) }
	row("date", fmt.Sprintf("%s, %.0f minutes", m.Date.UTC().Format("2006-01-02 15:04 UTC"), m.Took.Minutes()))
	row("revision", m.Revision)
	row("machine", fmt.Sprintf("%d cores, %s, Linux %s", m.Cores, m.CPU, m.Kernel))
	row("load before and after", m.Before+"; "+m.After)
	row("versions", strings.Join(m.Versions, ", "))
	row("runs repeated because they failed", strconv.Itoa(m.Repeated))
	b.WriteByte('\n')
}

// machine looks at this one, before the measuring.
func (b *bench) machine(ctx context.Context) Machine {
	return Machine{
		Date: time.Now(), Revision: revision(ctx), Cores: runtime.NumCPU(), CPU: processor(),
		Kernel: fact(ctx, `(\S+)`, "uname", "-r"), Before: load(),
		Versions: []string{
			"Go " + strings.TrimPrefix(runtime.Version(), "go"),
			"Dagger " + fact(ctx, `(v[\d.]+)`, b.env["_EXPERIMENTAL_DAGGER_CLI_BIN"], "version"),
			"Kubernetes " + fact(ctx, `(v[\d.]+)`, filepath.Join(b.env["SLIPWAY_BIN"], "kubectl"), "version", "--client"),
			"Node " + sandbox.NodeVersion,
		},
	}
}

// revision is the commit that was measured, and whether there was more to it.
func revision(ctx context.Context) string {
	commit := fact(ctx, `([0-9a-f]{12})`, "git", "rev-parse", "HEAD")
	if fact(ctx, `(\S+)`, "git", "status", "--porcelain", "--", ".", ":!docs/benchmarks.md") != unknown {
		commit += " with local changes"
	}
	return commit
}

func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	return found(regexp.MustCompile(`model name\s*: (.+)`), string(data))
}

// load is the first three fields of /proc/loadavg.
func load() string {
	data, _ := os.ReadFile("/proc/loadavg")
	return found(regexp.MustCompile(`^(\S+ \S+ \S+)`), string(data))
}

const unknown = "unknown"

// fact is what the pattern finds in a command's output. Facts are for the
// reader: a missing one stops no measuring.
func fact(ctx context.Context, pattern string, command ...string) string {
	out, _ := exec.CommandContext(ctx, command[0], command[1:]...).Output()
	return found(regexp.MustCompile(pattern), string(out))
}

func found(pattern *regexp.Regexp, text string) string {
	if m := pattern.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return unknown
}

// busy is for how many seconds all cores together were, since the start of the
// machine (proc_pid_stat(5): the first line of /proc/stat, in hundredths).
func busy() float64 {
	data, _ := os.ReadFile("/proc/stat") // on Linux it is there
	var user, nice, system, idle, wait, irq, softirq float64
	_, _ = fmt.Sscanf(string(data), "cpu %f %f %f %f %f %f %f", &user, &nice, &system, &idle, &wait, &irq, &softirq)
	return (user + nice + system + irq + softirq) / 100
}
