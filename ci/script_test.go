package main

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the expected output in the scripts anew")

func TestMain(m *testing.M) {
	// The pipeline mounts its own program into containers: here, this one.
	if len(os.Args) > 1 && os.Args[1] == "inside" {
		os.Exit(Main(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	testscript.Main(m, map[string]func(){"ci": main})
}

// Each file in testdata/script is a repository, the commands run in it, and
// what they must print. None of them needs an engine.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true})
}
