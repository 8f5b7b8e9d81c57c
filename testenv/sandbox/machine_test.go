//go:build machine

// These tests start and stop the sandbox that all others use, so `make test`
// leaves them out; `make test-sandbox` runs them alone.

package sandbox

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

var command string // the testenv binary

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "slipway-testenv")
	if err != nil {
		panic(err)
	}
	command = filepath.Join(dir, "testenv")
	if out, err := exec.Command("go", "build", "-o", command, "github.com/teei/slipway/testenv").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// TestLifeOfTheSandbox takes it through everything that may happen to it, and
// compares the machine after it with the machine before.
func TestLifeOfTheSandbox(t *testing.T) {
	run(t, "down")
	before := machine(t)

	run(t, "up")
	remember(t)
	pid := boxPID()
	run(t, "up")
	if boxPID() != pid {
		t.Error("a second up started a second box")
	}

	t.Run("a neighbour reaches nothing", neighbour)
	t.Run("a killed part comes back", func(t *testing.T) {
		for _, name := range []string{"redis-server", "postgres", "dagger-engine", "containerd", "kubelet", "etcd"} {
			killInBox(t, name)
		}
		run(t, "up")
		if boxPID() != pid {
			t.Error("the box did not survive the death of its parts")
		}
		kept(t)
	})
	t.Run("a killed box comes back with its data", func(t *testing.T) {
		kill(t, boxPID())
		run(t, "up")
		kept(t)
	})
	t.Run("a restarted machine has lost what lay in run", func(t *testing.T) {
		kill(t, boxPID())
		if err := os.RemoveAll(runDir); err != nil {
			t.Fatal(err)
		}
		// Like /run, the kernel's settings do not survive a restart.
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("0"), 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, "up")
		kept(t)
	})
	t.Run("an up that was killed is taken up again", func(t *testing.T) {
		run(t, "down")
		up := exec.Command(command, "up")
		if err := up.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a box runs", func() bool { runs, _ := boxRuns(); return runs })
		_ = up.Process.Kill()
		_ = up.Wait()
		run(t, "up")
	})

	run(t, "down")
	if diff := cmp.Diff(before, machine(t)); diff != "" {
		t.Errorf("the machine is not as it was (-before +after):\n%s", diff)
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("testenv %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// neighbour plugs another host into the machine, which forwards packets while
// the sandbox is up, and tries to reach the servers in the box.
func neighbour(t *testing.T) {
	const ns = "slipway-neighbour"
	shell := func(text string) ([]byte, error) { return exec.Command("sh", "-ec", text).CombinedOutput() }
	// `ip netns` makes /run/netns a mount for the sake of the first one.
	mounted := exec.Command("mountpoint", "--quiet", "/run/netns").Run() == nil
	t.Cleanup(func() {
		_, _ = shell("ip netns delete " + ns)
		if !mounted {
			_, _ = shell("umount /run/netns")
		}
	})
	out, err := shell(`ip netns add ` + ns + `
		ip link add slipway-n type veth peer name eth0 netns ` + ns + `
		ip address add 10.89.0.1/24 dev slipway-n && ip link set slipway-n up
		ip -n ` + ns + ` address add 10.89.0.2/24 dev eth0 && ip -n ` + ns + ` link set eth0 up
		ip -n ` + ns + ` route add default via 10.89.0.1`)
	if err != nil {
		t.Fatalf("plug a neighbour in: %v\n%s", err, out)
	}
	open, err := net.Listen("tcp", "10.89.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	_, port, _ := net.SplitHostPort(open.Addr().String())
	if out, err := shell("ip netns exec " + ns + " timeout 5 bash -c '</dev/tcp/10.89.0.1/" + port + "'"); err != nil {
		t.Fatalf("the neighbour does not even reach the machine: %v\n%s", err, out)
	}
	for _, address := range []string{IP + "/6379", IP + "/6443", svcIP + "/443"} {
		connect := "timeout 2 bash -c '</dev/tcp/" + address + "'"
		if _, err := shell(connect); err != nil {
			t.Errorf("the machine itself does not reach %s", address)
		}
		if _, err := shell("ip netns exec " + ns + " " + connect); err == nil {
			t.Errorf("a neighbour reaches %s", address)
		}
	}
}

// remember writes something into the database that kept must find again.
func remember(t *testing.T) {
	t.Helper()
	sql(t, `CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer`)
}

func kept(t *testing.T) {
	t.Helper()
	sql(t, `SELECT 1 / (answer - 41) FROM kept`)
}

func sql(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, DatabaseURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, text); err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the box is gone", func() bool { runs, err := boxRuns(); return err == nil && !runs })
}

// killInBox kills the oldest process of that name among the box's descendants.
func killInBox(t *testing.T, name string) {
	t.Helper()
	out, err := exec.Command("pgrep", "-o", "-f", "(^|/)"+name+"( |$)", "--ns", strconv.Itoa(boxPID()), "--nslist", "pid").Output()
	if err != nil {
		t.Fatalf("find %s in the box: %v", name, err)
	}
	if err := exec.Command("kill", "-KILL", strings.TrimSpace(string(out))).Run(); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within a minute: %s", what)
}

// machine is all that the sandbox might leave behind.
func machine(t *testing.T) map[string][]string {
	t.Helper()
	return map[string][]string{
		"mounts": lines(t, "cat", "/proc/self/mounts"),
		"links":  lines(t, "sh", "-c", `ip -o link | awk '{print $2}'`),
		"routes": lines(t, "ip", "route"),
		// Rules, and chains that are not the kernel's own, also empty ones.
		"iptables":   lines(t, "sh", "-c", `iptables-save | sed -nE '/^-A/p; s/^(:[^ ]+ -) .*/\1/p'`),
		"forward":    lines(t, "cat", forwarding),
		"netns":      lines(t, "sh", "-c", "ls /run/netns 2>/dev/null || :"),
		"cgroups":    leftCgroups(),
		"processes":  processes(t),
		"namespaces": namespaces(t),
		"states":     lines(t, "sh", "-c", "ls -d "+runDir+" "+stateDir+" "+cliName+" 2>/dev/null || :"),
	}
}

// processes are all that may be the sandbox's: those in another PID namespace
// than ours, as whatever runs in the box, and those of a program that it runs.
func processes(t *testing.T) (list []string) {
	t.Helper()
	programs := map[string]bool{command: true}
	for _, p := range packages {
		file, _ := filepath.EvalSymlinks(p.file)
		programs[file] = true
	}
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range procs(t) {
		ns, err := os.Readlink(dir + "/ns/pid")
		if err != nil {
			continue // it has ended
		}
		program, _ := os.Readlink(dir + "/exe")
		if ns == own && !programs[program] && !strings.HasPrefix(program, cacheDir) {
			continue
		}
		args, _ := os.ReadFile(dir + "/cmdline")
		list = append(list, strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " ")))
	}
	sort.Strings(list)
	return list
}

// namespaces are all that a process is in.
func namespaces(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for _, dir := range procs(t) {
		links, _ := filepath.Glob(dir + "/ns/*")
		for _, link := range links {
			if ns, err := os.Readlink(link); err == nil {
				found[ns] = true
			}
		}
	}
	return sortedKeys(found)
}

// procs are the folders of all processes that have not ended.
func procs(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	// One that has ended is an entry that its parent, the machine's init, collects when it likes.
	return slices.DeleteFunc(dirs, func(dir string) bool {
		stat, _ := os.ReadFile(dir + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		return strings.HasPrefix(rest, "Z")
	})
}

// What the comparison cannot see, nobody would find left behind.
func TestMachineIsSeen(t *testing.T) {
	const chain = "SLIPWAY-LEFT"
	cmd := exec.Command("unshare", "--pid", "--net", "--fork", "--kill-child", "sleep", "61")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = exec.Command("iptables", "-w", "5", "-X", chain).Run()
	})
	if out, err := exec.Command("iptables", "-w", "5", "-N", chain).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, "the process is seen", func() bool { return slices.Contains(processes(t), "sleep 61") })
	network, err := os.Readlink("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]string{"namespaces": network, "iptables": ":" + chain + " -"} {
		if seen := machine(t)[kind]; !slices.Contains(seen, want) {
			t.Errorf("%s is not among the %s %v", want, kind, seen)
		}
	}
}

func lines(t *testing.T, name string, args ...string) []string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	list := strings.Split(string(bytes.TrimSpace(out)), "\n")
	sort.Strings(list)
	return list
}
