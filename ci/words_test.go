package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/teei/slipway/internal/platform"
)

func TestNearest(t *testing.T) {
	known := []string{"test", "typecheck", "deploy", "dev", "check"}
	for word, want := range map[string]string{"tset": "test", "chekc": "check", "Deploi": "deploy", "xyzzy": "", "": "", "typechek": "typecheck"} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{"plain-1.2/x": "plain-1.2/x", "": "''", "it's": `'it'\''s'`, "a b": "'a b'", "@teei/kit...": "@teei/kit...", "$(x)": "'$(x)'"} {
		if got := shellWord(word); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", word, got, want)
		}
	}
}

func TestErrorLines(t *testing.T) {
	for line, want := range map[string]bool{
		`{"level":"error","message":"x"}`:      true,
		`{"level":50,"msg":"x"}`:               true,
		`{"level":"info","message":"error"}`:   false,
		`{"level":30,"msg":"no error"}`:        false,
		"ERROR: it broke":                      true,
		"[error] it broke":                     true,
		"TypeError: x is not a function":       true,
		"0 errors found":                       false,
		"listening, errors are logged as JSON": false,
	} {
		if got := isErrorLine(line); got != want {
			t.Errorf("isErrorLine(%q) = %t", line, got)
		}
	}
}

func TestTakenPortsAreNamedTogether(t *testing.T) {
	var ports []devPort
	for _, name := range []string{"api", "web"} {
		listener, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		ports = append(ports, devPort{name: name, number: listener.Addr().(*net.TCPAddr).Port})
	}
	err := portsFree(t.Context(), ports)
	if exitCode(err) != exitInfrastructure {
		t.Fatalf("%v", err)
	}
	for _, p := range ports {
		if want := strconv.Itoa(p.number) + " (" + p.name + ")"; !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestTunnelsForLoopbackAlone(t *testing.T) {
	var used tunnels
	for address, want := range map[string]string{
		"postgres://u:p@127.0.0.1:5433/db": "postgres://u:p@machine-5433:5433/db",
		"redis://localhost/0":              "redis://machine-6379:6379/0",
		"nats://nats.example.com:4222":     "nats://nats.example.com:4222",
		"http://10.0.0.1:8123/":            "http://10.0.0.1:8123/",
	} {
		if got, err := used.through(address, 6379); err != nil || got != want {
			t.Errorf("%s is reached by %s (%v), want %s", address, got, err, want)
		}
	}
	if len(used.ports) != 2 {
		t.Errorf("tunnels for %v", used.ports)
	}
	if got := used.known("reach redis at machine-6379:6379: EOF"); got != "reach redis at localhost:6379: EOF" {
		t.Errorf("told: %s", got)
	}
}

func TestTokensOfNpmAreSecrets(t *testing.T) {
	for text, secret := range map[string]bool{
		"registry=https://npm.example.com/\n":                    false,
		"//npm.example.com/:_authToken=abc\n":                    true,
		"//npm.example.com/:_authToken=${NPM_TOKEN}\n":           false,
		"//npm.example.com/:_password = abc\n":                   true,
		"# //npm.example.com/:_authToken=abc\nsave-exact=true\n": false,
		"save-exact=true\n_auth=abc\n":                           true,
	} {
		root := t.TempDir()
		write(t, root, ".npmrc", text)
		t.Setenv("NPM_TOKEN", "very-secret")
		a := findNpmAccess(root)
		if a.rootSecret != secret {
			t.Errorf("%q is secret: %t", text, a.rootSecret)
		}
		if want := strings.Contains(text, "NPM_TOKEN"); want != (len(a.variables) == 1) {
			t.Errorf("%q needs %v", text, a.variables)
		}
	}
}

func TestSentencesOfTheEngine(t *testing.T) {
	err := explain("run lint", errors.New(`input: container.from.withExec.stdout resolve image config: docker.io/library/node:99: not found`))
	if exitCode(err) != exitInfrastructure || strings.Contains(err.Error(), "input:") || !strings.Contains(err.Error(), "node:99: not found") || hint(err) == "" {
		t.Errorf("%v (%s)", err, hint(err))
	}
	err = explain("run lint", errors.New(`input: container.from failed to resolve image "x" (platform: "linux/amd64"): failed to resolve source metadata for docker.io/library/x:1: failed to do request: Head "https://registry-1.docker.io/v2/library/x/manifests/1": dial tcp: lookup registry-1.docker.io: no such host [traceparent:1-2]`))
	if want := "run lint: image docker.io/library/x:1: dial tcp: lookup registry-1.docker.io: no such host"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := explain("run lint", context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestWorstError(t *testing.T) {
	engine, check := &platform.InfrastructureError{Message: "engine"}, errors.New("check")
	if got := worst([]error{nil, engine, check}); !errors.Is(got, check) {
		t.Errorf("%v", got)
	}
	if got := worst([]error{context.Canceled, engine, context.Canceled}); !errors.Is(got, engine) {
		t.Errorf("%v", got)
	}
	if got := worst([]error{context.Canceled, check, engine}); !errors.Is(got, check) {
		t.Errorf("%v", got)
	}
	if got := worst([]error{nil, context.Canceled}); !errors.Is(got, context.Canceled) {
		t.Errorf("%v", got)
	}
	if got := worst([]error{nil, nil}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestImagesOfAnotherRegistryAreNotKnown(t *testing.T) {
	p := &pipeline{options: Options{Output: t.TempDir()}, images: map[string]string{"web": "a/web@sha256:1"}}
	if err := p.saveImages(platform.Target{Registry: "a"}); err != nil {
		t.Fatal(err)
	}
	p.images = map[string]string{}
	if known, err := p.knownImages(platform.Target{Registry: "a"}, "deploy"); err != nil || known["web"] == "" {
		t.Errorf("%v, %v", known, err)
	}
	if _, err := p.knownImages(platform.Target{Registry: "b"}, "deploy"); exitCode(err) != exitUsage {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(p.imagesPath(), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := p.knownImages(platform.Target{Registry: "a"}, "deploy"); exitCode(err) != exitUsage {
		t.Errorf("%v", err)
	}
}

func TestPushToNobody(t *testing.T) {
	_, pushed, err := push(t.Context(), empty.Image, "127.0.0.1:1/tiny/web")
	if pushed || exitCode(err) != exitInfrastructure || hint(err) == "" {
		t.Errorf("%v", err)
	}
	if _, _, err := push(t.Context(), empty.Image, "NOT A NAME"); exitCode(err) != exitUsage {
		t.Errorf("%v", err)
	}
}

func TestTrustLeavesNoTrace(t *testing.T) {
	a := npmAccess{ca: "/x", wholeCA: true}
	got := a.trusting("FROM node:22 AS build\nRUN npm ci\nFROM scratch\nCOPY --from=build /a /a\n")
	want := "FROM node:22 AS build\nARG NODE_EXTRA_CA_CERTS=/run/slipway/ca.crt\nARG SSL_CERT_FILE=/run/slipway/ca.crt\n" +
		"RUN --mount=type=secret,id=slipway-ca,target=/run/slipway/ca.crt,mode=0444 npm ci\n" +
		"FROM scratch\nARG NODE_EXTRA_CA_CERTS=/run/slipway/ca.crt\nARG SSL_CERT_FILE=/run/slipway/ca.crt\nCOPY --from=build /a /a\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line, want := range map[string]string{
		"RUN |2 NODE_EXTRA_CA_CERTS=/run/slipway/ca.crt SSL_CERT_FILE=/run/slipway/ca.crt /bin/sh -c npm ci # buildkit": "RUN /bin/sh -c npm ci # buildkit",
		"RUN |2 NODE_EXTRA_CA_CERTS=/run/slipway/ca.crt A=1 /bin/sh -c npm ci # buildkit":                               "RUN |1 A=1 /bin/sh -c npm ci # buildkit",
		"RUN |2 SLIPWAY_RUN=20261125-215001-ABCDE7 A=1 /bin/sh -c npm ci # buildkit":                                    "RUN |1 A=1 /bin/sh -c npm ci # buildkit",
		"RUN /bin/sh -c npm ci # buildkit": "RUN /bin/sh -c npm ci # buildkit",
	} {
		if got, _ := withoutArgs(line); got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
}

// Only instructions are rewritten: SQL has lines that begin with FROM, too.
func TestOnlyInstructionsAreRewritten(t *testing.T) {
	const dockerfile = "# FROM nothing\nFROM node:22 AS build\nRUN psql -c 'SELECT 1 \\\n# a comment\n\nFROM words'\nRUN echo $((1<<two))\nRUN cat <<-'EOF' > /x\nFROM documents\nEOF\nFROM build\n"
	want := strings.ReplaceAll(dockerfile, "FROM node:22 AS build\n", "FROM node:22 AS build\nARG A=1\n")
	want = strings.ReplaceAll(want, "FROM build\n", "FROM build\nARG A=1\n")
	if got := underArgs(dockerfile, "A=1"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := underArgs(dockerfile); got != dockerfile {
		t.Errorf("got\n%s", got)
	}
}

// The platform's own image is taken where its client is as old as the server.
func TestPostgresImage(t *testing.T) {
	for own, images := range map[string]map[int]string{
		"postgres:15":                  {15: "postgres:15", 16: "postgres:16"},
		"ghcr.io/team/postgres:16.4":   {16: "ghcr.io/team/postgres:16.4", 15: "postgres:15"},
		"postgres:15-alpine":           {15: "postgres:15-alpine", 14: "postgres:14"},
		"mirror.example:5000/postgres": {15: "postgres:15"},
		"postgres:15@sha256:00":        {15: "postgres:15@sha256:00"},
		"postgres:155":                 {15: "postgres:15"},
		"":                             {15: "postgres:15"},
	} {
		p := &pipeline{platform: &platform.Platform{Infrastructure: map[string]platform.Infrastructure{"postgres": {Image: own}}}}
		for major, want := range images {
			if got := p.postgresImage(major); got != want {
				t.Errorf("%s for version %d of a platform with %q, want %s", got, major, own, want)
			}
		}
	}
}

// A command of a Dockerfile that fails is no trouble of the engine's, whatever
// is quoted in it.
func TestBrokenStepsOfDockerfiles(t *testing.T) {
	for text, want := range map[string]string{
		`failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1 [traceparent:x]`: "npm ci, exit code 1",
		`process "/bin/sh -c node -e \"f('x')\" &&\n  true" did not complete successfully: exit code: 5`:           `node -e "f('x')" && true, exit code 5`,
		`process "/bin/bash -c a" did not complete successfully: exit code: 2`:                                     "/bin/bash -c a, exit code 2",
		`failed to solve: process "/bin/sh -c npm ci" did not complete successfully: context canceled`:             "",
		`failed to do request: Head "https://example.com/v2/": dial tcp: connection refused: exit code: 1`:         "",
	} {
		if got := brokenStep(text); got != want {
			t.Errorf("%s\ntells of %q, want %q", text, got, want)
		}
	}
}
