package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/report"
)

// dev runs the platform on this machine's ports until Ctrl-C: its servers as
// services of the engine, and all of its own services in one container.
//
// Only that one container is tunnelled to, and it passes the servers' ports on:
// this version of the engine starts a second instance of a service that is
// both bound and tunnelled.
func (p *pipeline) dev(ctx context.Context, stage *report.Stage) error {
	ports := p.devPorts()
	if err := portsFree(ctx, ports); err != nil {
		return err
	}
	desk := newDevDesk(p, ports)
	defer desk.Close()
	l, err := newLeash(ctx, func(t told) { desk.hear(t.Line) })
	if err != nil {
		return err
	}
	defer l.Close()
	service, err := p.devService(ctx, l, ports)
	if err != nil {
		return err
	}
	// Not ctx: what runs is told by the leash to end, and then stopped.
	lasting := context.WithoutCancel(ctx)
	var forwards []dagger.PortForward
	for _, port := range ports {
		forwards = append(forwards, dagger.PortForward{Backend: port.number, Frontend: port.number})
	}
	tunnel := p.dag.Host().Tunnel(service, dagger.HostTunnelOpts{Ports: forwards})
	started := make(chan error, 1)
	go func() { _, err := tunnel.Start(lasting); started <- err }()
	select {
	case err = <-started:
	case <-ctx.Done():
	}
	if err != nil {
		return explain("start the platform", fmt.Errorf("start the platform: %w", err))
	}
	if err := p.writeDevEnv(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		p.progress.Say("  stopping all of it")
	case err = <-desk.failed:
	}
	end, stop := context.WithTimeout(lasting, 30*time.Second)
	defer stop()
	desk.waitEnd(end)
	_, stopped := tunnel.Stop(end, dagger.ServiceStopOpts{Kill: true})
	stage.Note = "stopped"
	return errors.Join(err, explain("stop the platform", stopped))
}

// devPort is a port of this machine, and what is behind it.
type devPort struct {
	name   string
	number int
	kind   string // of a server, "" for a service
}

func (p *pipeline) devPorts() (ports []devPort) {
	for _, kind := range sortedKeys(p.platform.Infrastructure) {
		ports = append(ports, devPort{kind, p.platform.Infrastructure[kind].Port, kind})
	}
	for _, s := range p.platform.Ordered() {
		if s.Dev != "" {
			ports = append(ports, devPort{s.Name, s.Port, ""})
		}
	}
	return ports
}

// portsFree names all the ports that are taken, before anything starts.
func portsFree(ctx context.Context, ports []devPort) error {
	var taken []string
	for _, port := range ports {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", port.number))
		if err != nil {
			taken = append(taken, fmt.Sprintf("%d (%s)", port.number, port.name))
			continue
		}
		_ = listener.Close()
	}
	if len(taken) == 0 {
		return nil
	}
	return &platform.InfrastructureError{
		Message: "ports already taken: " + strings.Join(taken, ", "),
		Advice:  "stop what listens there; `ss -ltnp` says what it is. Nothing was started",
	}
}

// devService is the one container with all services of the platform in it.
func (p *pipeline) devService(ctx context.Context, l *leash, ports []devPort) (*dagger.Service, error) {
	c, err := p.workspace()
	if err != nil {
		return nil, err
	}
	servers, err := p.servers(ctx, "dev", sortedKeys(p.platform.Infrastructure))
	if err != nil {
		return nil, err
	}
	c = bind(c, servers)
	for _, v := range p.platform.Variables {
		if !p.serves(v.Name) {
			c = c.WithEnvVariable(v.Name, devValue(v))
		}
	}
	if c, err = p.withSelf(c); err != nil {
		return nil, err
	}
	c = c.WithServiceBinding(leashName, hostPort(p.dag, l.port(), leashPort)).
		WithEnvVariable(leashVariable, fmt.Sprintf("%s:%d", leashName, leashPort)).
		WithEnvVariable("SLIPWAY_RUN", p.run)
	for _, port := range ports {
		// A service that never listens must not keep the others from being seen.
		c = c.WithExposedPort(port.number, dagger.ContainerWithExposedPortOpts{ExperimentalSkipHealthcheck: true})
	}
	return c.AsService(dagger.ContainerAsServiceOpts{Args: []string{selfPath, "inside", "dev"}}), nil
}

// devValue is well known: what runs in dev guards nothing, and a person who
// tries the platform has to know it.
func devValue(v platform.Variable) string {
	const word = "slipway-dev-"
	return invented(v, word+strings.Repeat("0", max(0, v.MinLength-len(word))))
}

// writeDevEnv writes the variables as seen from this machine, for tools that
// somebody runs beside it.
func (p *pipeline) writeDevEnv() error {
	var b strings.Builder
	for _, kind := range sortedKeys(p.platform.Infrastructure) {
		in := p.platform.Infrastructure[kind]
		fmt.Fprintf(&b, "%s=%s\n", in.Variable, serverURL(kind, "localhost", in.Port, p.password("dev-"+kind)))
	}
	for _, v := range p.platform.Variables {
		if !p.serves(v.Name) {
			fmt.Fprintf(&b, "%s=%s\n", v.Name, devValue(v))
		}
	}
	if err := os.WriteFile(p.devEnvPath(), []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write dev.env: %w", err)
	}
	return nil
}

func (p *pipeline) devEnvPath() string { return filepath.Join(p.options.Output, "dev.env") }

// devEvent is what the container tells: a line of a service's log, or a new
// state of it.
type devEvent struct {
	Service string `json:"service"`
	State   string `json:"state,omitempty"`
	Line    string `json:"line,omitempty"`
	Fatal   bool   `json:"fatal,omitempty"` // nothing goes on after it
	End     bool   `json:"end,omitempty"`   // all has stopped
}

func parseDevEvent(line string) (e devEvent, ok bool) {
	return e, json.Unmarshal([]byte(line), &e) == nil
}
