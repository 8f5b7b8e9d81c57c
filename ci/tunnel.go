package main

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
)

// A container does not see the loopback addresses of this machine. What
// listens there is bound into it under a name of its own, and addresses are
// rewritten to that name; all other addresses are reached as they are.

// tunnels are the loopback ports of this machine that a container uses.
type tunnels struct {
	ports []int
}

// through rewrites an address, if it needs a tunnel.
func (t *tunnels) through(address string, usual int) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", &platform.UsageError{Message: "an address of the environment is not a URL", Advice: "`ci doctor` asks each of them"}
	}
	if !loopback(u.Hostname()) {
		return address, nil
	}
	port := usual
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return "", err
		}
	}
	t.ports = append(t.ports, port)
	u.Host = net.JoinHostPort(tunnelName(port), strconv.Itoa(port))
	return u.String(), nil
}

// known puts the machine's own name of an address where a container said its own.
func (t *tunnels) known(text string) string {
	for _, port := range t.ports {
		text = strings.ReplaceAll(text, fmt.Sprintf("%s:%d", tunnelName(port), port), fmt.Sprintf("localhost:%d", port))
	}
	return text
}

func tunnelName(port int) string { return fmt.Sprintf("machine-%d", port) }

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// bind puts the ports within reach of a container.
func (t *tunnels) bind(dag *dagger.Client, c *dagger.Container) *dagger.Container {
	bound := map[int]bool{}
	for _, port := range t.ports {
		if !bound[port] {
			bound[port] = true
			c = c.WithServiceBinding(tunnelName(port), hostPort(dag, port, port))
		}
	}
	return c
}

// hostPort is a port on this machine's loopback, as a service.
func hostPort(dag *dagger.Client, backend, frontend int) *dagger.Service {
	return dag.Host().Service([]dagger.PortForward{{Backend: backend, Frontend: frontend}}, dagger.HostServiceOpts{Host: "127.0.0.1"})
}
