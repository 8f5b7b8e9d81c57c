package main

import (
	"testing"
	"time"
)

// What Docker is to ignore is left out of a Dockerfile's context, with what it is
// to keep all the same; a check sees it.
func TestDockerignoreOnTheEngine(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	write(t, c.root, ".dockerignore", "*\n!/src\n!Dockerfile\n")
	write(t, c.root, "src/kept", "")
	write(t, c.root, "e2e/flow", "")
	write(t, c.root, "Dockerfile", "FROM node:22-bookworm-slim\nCOPY . /context\nRUN test -e /context/src/kept && ! test -e /context/e2e\nUSER 1000:1000\n")
	replace(t, c.root, "slipway.yaml", `test: {run: "true"}`, "test: {run: test -e e2e/flow && test -e src/kept}")
	if code, output, _ := c.launch(t, "test", "images").ends(2 * time.Minute); code != exitFine {
		t.Errorf("exit code %d\n%s", code, output)
	}
}
