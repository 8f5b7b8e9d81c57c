package sandbox

import (
	"context"
	"fmt"
	"go/version"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"
	"golang.org/x/sys/unix"
)

// The oldest versions that the sandbox is built with.
const (
	oldestGo   = "go1.26"
	oldestNode = "v20"
)

// finding is something that the sandbox needs of this machine.
type finding struct {
	met        bool
	what, hint string // the hint is for what is not met
}

// Doctor prints what the sandbox needs of this machine and whether it has it.
func Doctor(ctx context.Context, out io.Writer) error {
	bad := 0
	for _, f := range examine(ctx) {
		if f.met {
			fmt.Fprintln(out, "✓", f.what)
			continue
		}
		bad++
		fmt.Fprintln(out, "✗", f.what+"\n  → "+f.hint)
	}
	if bad > 0 {
		return fmt.Errorf("%d things to mend", bad)
	}
	return nil
}

func examine(ctx context.Context) []finding {
	root := os.Geteuid() == 0
	goVersion, _ := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	nodeVersion, _ := exec.CommandContext(ctx, "node", "--version").Output()
	_, noApt := exec.LookPath("apt-get")
	findings := []finding{
		{root, "runs as root", "use sudo -E"},
		recentGo(strings.TrimSpace(string(goVersion))),
		recentNode(strings.TrimSpace(string(nodeVersion))),
		debianPackages(lacking(), root && noApt == nil),
	}
	docker := "no Docker daemon: the engine is built from its Go modules"
	if dockerAnswers(ctx) {
		docker = "Docker answers: Dagger provisions its own engine"
	}
	findings = append(findings, finding{met: true, what: docker})
	var disk unix.Statfs_t
	if err := unix.Statfs("/var", &disk); err == nil {
		free := disk.Bavail * uint64(disk.Bsize) >> 30
		findings = append(findings, finding{free >= 25, "free disk in /var: " + strconv.FormatUint(free, 10) + " GB", "the builds and images take 25 GB"})
	}
	if runs, _ := boxRuns(); !runs {
		err := checkAddresses()
		findings = append(findings, finding{err == nil, "networks " + strings.Join([]string{subnet, engineNet, podNet, svcNet}, ", ") + " are free", fmt.Sprint(err)})
	}
	return findings
}

func recentGo(found string) finding {
	return finding{version.Compare(found, oldestGo) >= 0, "Go: " + orNone(found), "install Go " + strings.TrimPrefix(oldestGo, "go") + " or later"}
}

func recentNode(found string) finding {
	return finding{semver.Compare(found, oldestNode) >= 0, "Node: " + orNone(found), "install Node " + strings.TrimPrefix(oldestNode, "v") + " or later, with npm"}
}

func orNone(found string) string {
	if found == "" {
		return "none"
	}
	return found
}

// debianPackages are nobody's to mend where `up` can install them.
func debianPackages(names []string, installs bool) finding {
	switch {
	case len(names) == 0:
		return finding{met: true, what: "Debian packages"}
	case installs:
		return finding{met: true, what: "Debian packages; `up` installs " + strings.Join(names, " ")}
	}
	return finding{false, "Debian packages", "missing: " + strings.Join(names, " ") + "; `up` installs them as root, where there is apt-get"}
}
