package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// process is ci as a process of its own, as a shell starts it: it can be sent
// signals, and has its own environment, so tests with it run in parallel.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	folder string // of the report
	output bytes.Buffer
	lines  chan string // closed when it has ended
	ended  chan struct{}
	err    error // once ended
}

// launch starts ci; env holds NAME=VALUE beside what the test itself has.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return launchInto(t, t.TempDir(), env, args...)
}

// launchInto starts ci with a folder for its report.
func launchInto(t *testing.T, folder string, env []string, args ...string) *process {
	t.Helper()
	testenv.Env(t)
	return start(t, folder, env, append([]string{"ci"}, args...))
}

// start starts a command that ends with one of ci, in a group of its own.
func start(t *testing.T, folder string, env, command []string) *process {
	t.Helper()
	p := &process{t: t, folder: folder, lines: make(chan string, 10_000), ended: make(chan struct{})}
	p.cmd = exec.Command(command[0], append(command[1:], "--output", folder)...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	reader, writer := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = writer, writer
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
		_ = writer.Close()
	}()
	return p
}

// begins is how long a part of ci may take to begin, on a busy machine.
const begins = 4 * time.Minute

// within kills a process that is late; what it returns tells that it was not.
func (p *process) within(limit time.Duration) (inTime func() bool) {
	return time.AfterFunc(limit, func() { _ = p.cmd.Process.Kill() }).Stop
}

// says waits until ci prints a line with the text, and returns it.
func (p *process) says(text string) string {
	p.t.Helper()
	defer p.within(begins)()
	for line := range p.lines {
		p.output.WriteString(line + "\n")
		if strings.Contains(line, text) {
			return line
		}
	}
	p.t.Fatalf("ended without saying %q:\n%s", text, &p.output)
	return ""
}

// ends waits for the end, not longer than the limit.
func (p *process) ends(limit time.Duration) (code int, output string, r report.Report) {
	p.t.Helper()
	inTime := p.within(limit)
	for line := range p.lines {
		p.output.WriteString(line + "\n")
	}
	<-p.ended
	if !inTime() {
		p.t.Fatalf("did not end within %s:\n%s", limit, &p.output)
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		p.t.Fatal(p.err)
	}
	return p.cmd.ProcessState.ExitCode(), p.output.String(), readReport(p.t, p.folder)
}

// readReport reads what a run wrote, if it wrote one.
func readReport(t *testing.T, folder string) (r report.Report) {
	t.Helper()
	if data, err := os.ReadFile(filepath.Join(folder, "report.json")); err == nil {
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// keeps checks that no secret is in what ci printed, nor in any file that it
// left: report, logs, the engine's own log, the backup. It returns their number.
func (p *process) keeps(secrets ...string) (files int) {
	p.t.Helper()
	look := func(where string, text []byte) {
		for _, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				p.t.Errorf("%s tells %s", where, secret)
			}
		}
	}
	look("the terminal", p.output.Bytes())
	err := filepath.WalkDir(p.folder, func(file string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		look(file, text)
		files++
		return err
	})
	if err != nil {
		p.t.Error(err)
	}
	return files
}

// interrupt is Ctrl-C.
func (p *process) interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
}

// beacon is where a command in a container, or in a pod, tells that it is at
// work, by a connection that lasts as long as it does.
type beacon struct {
	t        *testing.T
	listener net.Listener
}

func newBeacon(t *testing.T) beacon {
	t.Helper()
	listener, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return beacon{t, listener}
}

// host is this machine's address as the sandbox's containers and pods see it.
func host(t *testing.T) string {
	t.Helper()
	link, err := net.InterfaceByName("slipway0")
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := link.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if ip := a.(*net.IPNet).IP.To4(); ip != nil {
			return ip.String()
		}
	}
	t.Fatal("the sandbox's link has no address")
	return ""
}

// address is its host and port.
func (b beacon) address() (name, port string) {
	_, port, _ = net.SplitHostPort(b.listener.Addr().String())
	return host(b.t), port
}

// hold is a shell command that tells and then goes on for ever.
func (b beacon) hold() string {
	name, port := b.address()
	return "exec bash -c 'exec 3<>/dev/tcp/" + name + "/" + port + "; cat <&3'"
}

// reached waits for the work that a process began.
func (b beacon) reached(p *process) net.Conn {
	b.t.Helper()
	// Who ends, or never begins, must not be waited for.
	defer p.within(begins)()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-p.ended:
			_ = b.listener.Close()
		case <-ended:
		}
	}()
	conn, err := b.listener.Accept()
	if err != nil {
		_, output, _ := p.ends(time.Minute)
		b.t.Fatalf("the work did not begin:\n%s", output)
	}
	b.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// lit is reached; what it returns waits for the end of the work.
func (b beacon) lit(p *process) (out func(limit time.Duration)) {
	b.t.Helper()
	conn := b.reached(p)
	return func(limit time.Duration) {
		b.t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(limit))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			b.t.Errorf("what ran inside still runs %s later", limit)
		}
	}
}
