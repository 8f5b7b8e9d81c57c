package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// RunBox is PID 1 of the box: it waits until the machine has plugged the
// network in (a byte on stdin), mounts what the parts need, and keeps the parts
// running until it is told to stop. It never returns before all parts are gone.
func RunBox(bins Binaries) error {
	// Whoever holds the lock is the sandbox; the kernel lets go of it when the
	// box dies, however it dies. It was taken by the parent and came with fd 3.
	if n, err := os.Stdin.Read(make([]byte, 1)); n != 1 {
		return fmt.Errorf("wait for the network: %w", err)
	}
	if err := furnish(); err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	children := make(chan os.Signal, 64)
	signal.Notify(children, syscall.SIGCHLD)
	r := newReaper()
	go func() {
		for range children {
			r.reap()
		}
	}()

	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, p := range boxParts(bins) {
		wg.Go(func() { keep(ctx, r, p) })
	}
	wg.Go(func() { discover(ctx) })
	<-stop
	cancel()
	wg.Wait()
	return nil
}

// furnish gives the box its own /proc, hostname, loopback and routing.
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// CNI plugins pin pods' network namespaces here by bind mounts; on a tmpfs
	// of the box's own not even their names stay behind.
	for _, dir := range []string{"/run/netns", "/var/lib/cni"} {
		if err := unix.Mount("slipway", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	if err := ownSysfs(); err != nil {
		return err
	}
	// The engine would run update-ca-certificates in front of every command of
	// every container for what it finds here. ci hands an own CA to the
	// containers that reach out, as it must where the engine is not ours.
	if exists(customCAs) {
		if err := unix.Mount("slipway", customCAs, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", customCAs, err)
		}
	}
	if err := unix.Sethostname([]byte("slipway")); err != nil {
		return fmt.Errorf("set hostname: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	for path, value := range map[string]string{
		"/proc/sys/net/ipv4/ip_forward": "1",
		// Not in every kernel; where it is, bridged traffic must meet kube-proxy's rules.
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "1",
	} {
		if err := os.WriteFile(path, []byte(value), 0); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("set %s: %w", path, err)
		}
	}
	return nil
}

const customCAs = "/usr/local/share/ca-certificates"

// ownSysfs mounts a /sys that shows the box's own network links; the engine
// reads their counters and dies without them. The cgroups stay the machine's.
func ownSysfs() error {
	aside := filepath.Join(runDir, "cgroup")
	if err := os.MkdirAll(aside, 0o755); err != nil {
		return err
	}
	for _, step := range []struct {
		from, to, kind string
		flags          uintptr
	}{
		{cgroupRoot, aside, "", unix.MS_BIND | unix.MS_REC},
		{"sysfs", "/sys", "sysfs", 0},
		{aside, cgroupRoot, "", unix.MS_MOVE},
	} {
		if err := unix.Mount(step.from, step.to, step.kind, step.flags, ""); err != nil {
			return fmt.Errorf("mount %s on %s: %w", step.from, step.to, err)
		}
	}
	return nil
}

// keep runs one part for as long as ctx lasts and starts it again when it ends.
func keep(ctx context.Context, r *reaper, p part) {
	pause := 200 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		if err := runPart(ctx, r, p); err != nil {
			fmt.Fprintf(os.Stderr, "%s %s: %v\n", time.Now().Format(time.RFC3339), p.name, err)
		}
		// Parts come up in any order and some end until what they need is
		// there; one that ran for a while is started again at once.
		if time.Since(began) > 10*time.Second {
			pause = 200 * time.Millisecond
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Second)
	}
}

func runPart(ctx context.Context, r *reaper, p part) error {
	if p.prepare != nil {
		if err := p.prepare(); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	out, err := os.OpenFile(logPath(p.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	attr := &syscall.ProcAttr{
		Dir:   "/",
		Env:   append(boxEnv(), p.env...),
		Files: []uintptr{0, out.Fd(), out.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	if p.mounts {
		attr.Sys.Unshareflags = syscall.CLONE_NEWNS
	}
	if p.user != "" {
		if attr.Sys.Credential, err = credential(p.user); err != nil {
			return err
		}
	}
	pid, end, err := r.start(p.args, attr)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	select {
	case status := <-end:
		return fmt.Errorf("ended with %s", describe(status))
	case <-ctx.Done():
	}
	signal := p.stop
	if signal == 0 {
		signal = syscall.SIGTERM
	}
	_ = syscall.Kill(pid, signal)
	select {
	case <-end:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		<-end
	}
	return nil
}

func describe(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "signal " + s.Signal().String()
	}
	return "exit code " + strconv.Itoa(s.ExitStatus())
}

// boxEnv is the environment of every part: where tools are and how to reach
// the world (proxies, certificates), nothing else of the caller's shell.
func boxEnv() []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch strings.ToUpper(name) {
		case "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY":
			env = append(env, kv)
		}
	}
	return env
}

func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// startBox starts PID 1 of a new box, plugs the network in and lets it go on.
// The box holds lock from here on.
func startBox(lock *os.File, bins Binaries) (pid int, err error) {
	self, err := keepSelf()
	if err != nil {
		return 0, err
	}
	for _, dir := range []string{"/run/netns", "/var/lib/cni", statePath("log")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return 0, err
		}
	}
	logFile, err := os.OpenFile(logPath("box"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return 0, err
	}
	defer logFile.Close()
	cmd := exec.Command(self, "box", string(bins)) //nolint:noctx // the box outlives whoever starts it
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	plug, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the box: %w", err)
	}
	defer func() {
		if err != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	if err := joinCgroups(cmd.Process.Pid); err != nil {
		return 0, err
	}
	if err := plugNetwork(cmd.Process.Pid); err != nil {
		return 0, err
	}
	if _, err := plug.Write([]byte{1}); err != nil {
		return 0, fmt.Errorf("start the box: it died early; see %s", logPath("box"))
	}
	pidFile := filepath.Join(runDir, "box.pid")
	return cmd.Process.Pid, os.WriteFile(pidFile, []byte(strconv.Itoa(cmd.Process.Pid)), 0o644)
}

// keepSelf copies this program to where it outlives `go run`, which removes
// what it built as soon as `up` returns.
func keepSelf() (string, error) {
	src, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer src.Close()
	path := filepath.Join(runDir, "testenv")
	// A running program cannot be written over, but its name can be taken.
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return "", err
	}
	dst, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return "", err
	}
	return path, dst.Close()
}
