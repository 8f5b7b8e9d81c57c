package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
)

// Session is a connection to the Dagger engine.
type Session struct {
	*dagger.Client
	log io.WriteCloser
}

// Variables of Dagger's own: where an engine is, and the CLI to reach it with.
const (
	runnerHost = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	cliBin     = "_EXPERIMENTAL_DAGGER_CLI_BIN"
)

// How long an engine may take to answer: one that runs, and one that Docker
// has to fetch and start first.
const (
	connectDeadline   = 30 * time.Second
	provisionDeadline = 5 * time.Minute
)

// openSession connects to the engine: the session of `dagger run` if we are
// inside one, else the sandbox's engine or the one that the shell names, else
// one that Dagger starts through Docker.
//
// A release must be able to take back its changes after Ctrl-C, which ends the
// session of `dagger run` at once. So own asks for a session that only we end.
func openSession(ctx context.Context, output string, own bool) (*Session, error) {
	if err := os.MkdirAll(output, 0o755); err != nil {
		return nil, fmt.Errorf("make output folder: %w", err)
	}
	inRun := os.Getenv("DAGGER_SESSION_PORT") != ""
	if inRun && !own {
		client, err := dagger.Connect(context.WithoutCancel(ctx))
		if err != nil {
			return nil, &platform.InfrastructureError{Message: "connect to the session of dagger run: " + cause(err.Error())}
		}
		return &Session{Client: client}, nil
	}
	cli, err := findEngine(ctx, platform.EnvFile, inRun)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(output, "dagger.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("write dagger.log: %w", err)
	}
	client, err := connect(ctx, cli, log)
	if err != nil {
		log.Close()
		return nil, noEngine("connect to the Dagger engine: "+cause(err.Error()), err)
	}
	return &Session{Client: client, log: log}, nil
}

// Close ends the session, if it is ours.
func (s *Session) Close() error {
	err := s.Client.Close()
	if s.log != nil {
		err = errors.Join(err, s.log.Close())
	}
	return err
}

// findEngine makes sure that there is an engine or a way to start one, without
// waiting for minutes, and returns the CLI to reach it with, "" for Dagger's own.
// envFile is the sandbox's, if one is up.
func findEngine(ctx context.Context, envFile string, inRun bool) (cli string, err error) {
	os.Setenv("DO_NOT_TRACK", "1")
	os.Setenv("DAGGER_NO_NAG", "1")
	if values, err := platform.ReadEnvFile(envFile); err == nil {
		for _, name := range []string{runnerHost, cliBin} {
			if os.Getenv(name) == "" && values[name] != "" {
				os.Setenv(name, values[name])
			}
		}
	}
	cli = os.Getenv(cliBin)
	if cli == "" && inRun {
		cli, _ = exec.LookPath("dagger")
	}
	if address := os.Getenv(runnerHost); address != "" {
		return cli, dialEngine(ctx, address)
	}
	for _, docker := range []string{"docker", "podman", "nerdctl", "finch"} {
		ask, stop := context.WithTimeout(ctx, 10*time.Second)
		err := exec.CommandContext(ask, docker, "info").Run()
		stop()
		if err == nil {
			return cli, nil
		}
	}
	return "", noEngine("no Dagger engine: no sandbox is up, "+runnerHost+" is not set, and no Docker answers", nil)
}

func noEngine(message string, err error) error {
	advice := "start the sandbox with `go run ./testenv up`, or start Docker, and Dagger brings its own engine"
	if errors.Is(err, context.DeadlineExceeded) {
		advice = "`ci doctor` says what answers and what does not"
	}
	return &platform.InfrastructureError{Message: message, Advice: advice}
}

// dialEngine tells at once that nobody listens, which the CLI would try again
// and again.
func dialEngine(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return &platform.UsageError{Message: runnerHost + " is not a URL", Advice: "for example unix:///run/dagger/engine.sock"}
	}
	network, target := u.Scheme, u.Host
	switch u.Scheme {
	case "unix":
		target = u.Path
	case "tcp":
	default:
		return nil // docker-container:// and others are for the CLI to know
	}
	dialer := net.Dialer{Timeout: 3 * time.Second}
	conn, err := dialer.DialContext(ctx, network, target)
	if err != nil {
		return noEngine("the Dagger engine at "+address+" does not answer", nil)
	}
	return conn.Close()
}

// connect opens a session through the CLI. Its process has a group of its own,
// so that Ctrl-C in a terminal reaches us alone.
func connect(ctx context.Context, cli string, log io.Writer) (*dagger.Client, error) {
	lasting := context.WithoutCancel(ctx)
	type result struct {
		client *dagger.Client
		err    error
	}
	deadline, connected := connectDeadline, make(chan result, 1)
	if os.Getenv(runnerHost) == "" {
		deadline = provisionDeadline
	}
	open := func() (*dagger.Client, error) {
		conn, err := startCLI(cli, log)
		if err != nil {
			return nil, err
		}
		return dagger.Connect(lasting, dagger.WithConn(conn))
	}
	if cli == "" {
		open = func() (*dagger.Client, error) { return dagger.Connect(lasting, dagger.WithLogOutput(log)) }
	}
	go func() {
		client, err := open()
		if err == nil {
			_, err = client.DefaultPlatform(lasting)
		}
		connected <- result{client, err}
	}()
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case r := <-connected:
		return r.client, r.err
	case <-timer.C:
		return nil, fmt.Errorf("no answer in %s: %w", deadline, context.DeadlineExceeded)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// cliConn is a session of a `dagger session` process of ours.
type cliConn struct {
	http.Client
	process *exec.Cmd
	stdin   io.Closer
}

func startCLI(cli string, log io.Writer) (*cliConn, error) {
	//nolint:noctx // it outlives a cancelled run, whose work has to be taken back
	cmd := exec.Command(cli, "session", "--label", "dagger.io/sdk.name:go")
	cmd.Stderr = log
	cmd.Env = []string{"NO_COLOR=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	for _, variable := range os.Environ() {
		// It must not join the session of a `dagger run` around us.
		if !strings.HasPrefix(variable, "DAGGER_SESSION_") && !strings.HasPrefix(variable, "OTEL_") && !strings.HasPrefix(variable, "TRACEPARENT=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	// It ends when its standard input does, so never later than we do.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var params struct {
		Port  int    `json:"port"`
		Token string `json:"session_token"`
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &params)
	}
	if err != nil {
		stdin.Close()
		return nil, errors.Join(fmt.Errorf("start a session: %w", err), cmd.Wait())
	}
	conn := &cliConn{process: cmd, stdin: stdin}
	conn.Transport = sessionTransport{token: params.Token, next: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", params.Port))
		},
	}}
	return conn, nil
}

// Host names the engine in requests; the transport knows where it is.
func (c *cliConn) Host() string { return "dagger" }

// Close ends the process, which first writes what is left to log.
func (c *cliConn) Close() error {
	c.CloseIdleConnections()
	err := c.stdin.Close()
	if waited := c.process.Wait(); waited != nil && !errors.As(waited, new(*exec.ExitError)) {
		err = errors.Join(err, waited)
	}
	return err
}

type sessionTransport struct {
	token string
	next  http.RoundTripper
}

// RoundTrip logs a request in.
func (t sessionTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(t.token, "")
	return t.next.RoundTrip(r)
}
