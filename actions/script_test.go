package main

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/teei/slipway/internal/action"
)

var update = flag.Bool("update", false, "write the expected output in the scripts anew")

// tidy leaves nothing of what the tests built once for all of them.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	defer func() { _ = os.RemoveAll(builtFolder) }()
	return m.M.Run()
}

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){
		"slipway": func() {
			os.Exit(action.Execute(context.Background(), command(), os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

// Each file in testdata/script is a repository, the commands run in it, and
// what they must print and write.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true})
}
