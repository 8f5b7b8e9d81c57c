package main

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"

	"github.com/teei/slipway/internal/platform"
)

// parsed are the options and stages of a command line of ci.
func parsed(t *testing.T, args ...string) (Options, []string) {
	t.Helper()
	c := &cli{stdout: io.Discard, stderr: io.Discard}
	root := c.command()
	if err := root.ParseFlags(args); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return c.options, root.Flags().Args()
}

// argsIn are the arguments of ci that a shell makes of a command.
func argsIn(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "set -- "+command+`; printf '%s\0' "$@"`).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	words := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	return words[slices.Index(words, "migrate"):]
}

// samples are values for flags that take any.
var samples = map[string][]string{
	"bool": {"true", "false"}, "int": {"3"}, "duration": {"90s"},
	"string":      {"staging", "-x", "it's $(here) now", ""},
	"stringArray": {"web:A=b, c"},
}

// Every flag that was given is in the command that repeats a stage, and a shell and
// ci make the same of it. Without it, a dry run that fails says how to migrate.
func TestRepeatHasEveryFlag(t *testing.T) {
	repeats := func(t *testing.T, args ...string) {
		t.Helper()
		o, _ := parsed(t, append(args, "migrate")...)
		p := &pipeline{options: o, dir: t.TempDir(), platform: &platform.Platform{}, getenv: os.Getenv}
		words := argsIn(t, p.repeat("migrate"))
		again, stages := parsed(t, words...)
		if diff := cmp.Diff(o, again, cmpopts.IgnoreUnexported(Options{})); diff != "" || !slices.Equal(stages, []string{"migrate"}) {
			t.Errorf("%q: repeat is %q, of %q:\n%s", args, words, stages, diff)
		}
		for _, arg := range args {
			if name, _, _ := strings.Cut(arg, "="); !slices.ContainsFunc(words, func(w string) bool { return w == name || strings.HasPrefix(w, name+"=") }) {
				t.Errorf("%s is not in %q", name, words)
			}
		}
	}
	var all []string
	(&cli{}).command().PersistentFlags().VisitAll(func(f *pflag.Flag) {
		values := samples[f.Value.Type()]
		if f.NoOptDefVal != "" {
			values = append(slices.Clone(values), f.NoOptDefVal)
		}
		if len(values) == 0 {
			t.Errorf("--%s: this test knows no value of type %s", f.Name, f.Value.Type())
		}
		for _, value := range values {
			repeats(t, "--"+f.Name+"="+value)
		}
		all = append(all, "--"+f.Name+"="+values[0])
	})
	repeats(t, all...)
	repeats(t, "--inject=a:B=c", "--inject=d:E=f")
}

// What a hint tells to do is done where this run worked, and is a dry run where
// this one was.
func TestHintsOfCiArePasteable(t *testing.T) {
	root := t.TempDir() // where ci is not called
	for _, tt := range []struct {
		args       []string
		hint, want string
	}{
		{[]string{"--env", "staging", "--dry-run"}, "`ci images deploy` makes them", "`ci images deploy --dry-run --env staging --root ROOT` makes them"},
		{[]string{"--env", "staging", "--dry-run"}, "is it up? `ci doctor` asks", "is it up? `ci doctor --env staging --root ROOT` asks"},
		{nil, "`slipway unlock --reason …`", "`slipway unlock --reason … --env sandbox --root ROOT`"},
		{[]string{"--env=staging"}, "`slipway rollback --env staging --to 3`", "`slipway rollback --env staging --to 3 --root ROOT`"},
		{[]string{"--root=/a b"}, "`slipway init` writes one; `kubectl get pods`", "`slipway init` writes one; `kubectl get pods`"},
		{[]string{"--root=/a b", "--jobs=2"}, "`ci doctor`, `ci --dry-run`", "`ci doctor --root '/a b'`, `ci --dry-run --jobs 2 --root '/a b'`"},
	} {
		o, _ := parsed(t, tt.args...)
		if o.Root == "" {
			o.Root = root
		}
		p := &pipeline{options: o, dir: t.TempDir()}
		if got, want := p.hint(&advised{io.EOF, tt.hint}), strings.ReplaceAll(tt.want, "ROOT", root); got != want {
			t.Errorf("%q\n got %s\nwant %s", tt.args, got, want)
		}
	}
}

// The value of a secret is in no command that repeats anything, wherever it was given.
func TestRepeatShowsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter's two"
	o, _ := parsed(t, "--inject=web:TOKEN="+secret, "--env=hunter")
	got := strings.Join(withoutSecrets(o.words("/"), map[string]string{"TOKEN": secret, "LEVEL": "env"}), " ")
	if got != "--env hunter --inject 'web:TOKEN=***'" {
		t.Error(got)
	}
}

// A dry run that cannot be made is repeated as one.
func TestFailedDryRunRepeatsAsOne(t *testing.T) {
	t.Parallel()
	c := tiny(t)
	replace(t, c.root, "slipway.yaml", "migrations: migrations", "migrations: migrations\n  plan: exit 3")
	code, output, r := c.launch(t, "migrate", "--dry-run").ends(2 * time.Minute)
	f := r.Failures()
	if code == exitFine || len(f) != 1 {
		t.Fatalf("exit code %d, %+v\n%s", code, f, output)
	}
	again, stages := parsed(t, argsIn(t, f[0].Repeat)...)
	if !again.DryRun || !slices.Equal(stages, []string{"migrate"}) {
		t.Errorf("repeat: %s", f[0].Repeat)
	}
}
