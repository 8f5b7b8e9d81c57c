// Package sandbox runs everything Slipway needs on one bare machine as real
// processes: a Dagger engine, an image mirror, a Kubernetes cluster, PostgreSQL,
// ClickHouse, Redis, NATS and Prometheus. All of it lives in a box, one set of
// Linux namespaces whose end takes every process, mount and bridge with it.
package sandbox

import "path/filepath"

// Addresses. The box has a network namespace of its own, joined to the machine
// by one veth pair, so its ports never collide with the machine's, and one
// address serves the machine, the pods and the engine's containers alike.
const (
	hostLink  = "slipway0"
	hostIP    = "10.87.0.1"
	IP        = "10.87.0.2" // of every server in the box
	subnet    = "10.87.0.0/24"
	engineNet = "10.86.0.0/16"
	podNet    = "10.244.0.0/16"
	svcNet    = "10.96.0.0/16"
	svcIP     = "10.96.0.1" // of the API server, as pods see it

	// Registry is the mirror, and where the platform's images are pushed.
	Registry = IP + ":5000"
)

// CacheDir keeps what can be made again, also when the sandbox is down.
const CacheDir = "/var/cache/slipway"

// Where things lie. What is under cacheDir can be made again and takes long;
// what is under stateDir is the sandbox's data; runDir is gone with the boot.
const (
	runDir   = "/run/slipway"
	stateDir = "/var/lib/slipway"
	cacheDir = CacheDir

	// EnvFile is what `up` writes last: the addresses of everything.
	EnvFile = runDir + "/env"

	engineSocket = runDir + "/engine.sock"
	// Known to the engine through testenv/engine/distconsts.
	engineRunDir = runDir + "/engine"
)

func statePath(parts ...string) string {
	return filepath.Join(append([]string{stateDir}, parts...)...)
}

func logPath(part string) string { return statePath("log", part+".log") }
