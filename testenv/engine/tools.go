//go:build tools

// Package engine pins the Dagger engine and CLI that the sandbox builds from
// their Go modules. It is a module of its own because the engine's replaces
// clash with everybody's.
package engine

import (
	_ "github.com/dagger/dagger/cmd/dagger"
	_ "github.com/dagger/dagger/cmd/dnsname"
	_ "github.com/dagger/dagger/cmd/engine"
	_ "github.com/dagger/dagger/cmd/init"
)
