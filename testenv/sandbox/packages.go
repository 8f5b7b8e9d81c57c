package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// packages are the Debian packages the sandbox runs, each with a file that
// tells that it is there; asking dpkg takes longer than `up` may.
var packages = []struct{ name, file string }{
	{"ca-certificates", "/etc/ssl/certs/ca-certificates.crt"},
	{"iproute2", "/usr/sbin/ip"},
	{"iptables", "/usr/sbin/iptables"},
	{"runc", "/usr/sbin/runc"},
	{"dnsmasq-base", "/usr/sbin/dnsmasq"},
	{"containernetworking-plugins", "/usr/lib/cni/bridge"},
	{"mmdebstrap", "/usr/bin/mmdebstrap"},
	{"docker-registry", "/usr/bin/docker-registry"},
	{"postgresql-15", postgresBin + "/postgres"},
	{"redis-server", "/usr/bin/redis-server"},
	{"nats-server", "/usr/sbin/nats-server"},
	{"clickhouse-server", "/usr/sbin/clickhouse-server"},
	{"prometheus", "/usr/bin/prometheus"},
	{"chromium", "/usr/bin/chromium"},
}

func lacking() []string {
	var names []string
	for _, p := range packages {
		if !exists(p.file) {
			names = append(names, p.name)
		}
	}
	return names
}

// needsRoot says what root is for, and what it would install: who may not
// become root can then ask somebody else for those packages.
func needsRoot(lacking []string) error {
	hint := "sudo -E go run ./testenv up"
	if len(lacking) > 0 {
		hint += ", which first installs these Debian packages: " + strings.Join(lacking, " ")
	}
	return &Hint{errors.New("the sandbox makes namespaces, bridges and mounts, which takes root"), hint}
}

// installPackages installs what is lacking, after naming it. Packages that
// start a server when installed are kept from doing so: the box runs its own.
func installPackages(ctx context.Context, log *Log) error {
	names := lacking()
	if len(names) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return &Hint{errors.New("the sandbox runs programs that are missing, and there is no apt-get to install them"),
			"install them by your system's means; Debian bookworm's names for them are: " + strings.Join(names, " ")}
	}
	log.Say("Debian packages to install: %s", strings.Join(names, " "))
	restore, err := forbidStarts()
	if err != nil {
		return err
	}
	defer restore()
	if err := log.Run("apt-get update", apt(ctx, "update")); err != nil {
		return &Hint{err, "check that the machine reaches its Debian mirror"}
	}
	err = log.Run("apt-get install", apt(ctx, append([]string{"install", "-y", "--no-install-recommends"}, names...)...))
	if err != nil {
		return &Hint{err, "run it by hand to see more: apt-get install -y --no-install-recommends " + strings.Join(names, " ")}
	}
	if left := lacking(); len(left) > 0 {
		return fmt.Errorf("apt-get install succeeded, and these are still missing: %s", strings.Join(left, ", "))
	}
	return nil
}

func apt(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return cmd
}

// forbidStarts installs a policy under which no package starts its server, if
// the machine has no policy of its own, and returns what removes it.
func forbidStarts() (func(), error) {
	const policy = "/usr/sbin/policy-rc.d"
	f, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString("#!/bin/sh\nexit 101\n")
	return func() { _ = os.Remove(policy) }, errors.Join(err, f.Close())
}
