package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/action"
	"github.com/teei/slipway/internal/platform"
)

// repeat is the command that runs one stage again as it was asked for: with every
// flag that was given, since a dry run without its flag is none.
func (p *pipeline) repeat(name string) string {
	return invocation() + " " + name + strings.Join(append([]string{""}, p.flags()...), " ")
}

// flags are those of a command that repeats one part of this run.
func (p *pipeline) flags() []string {
	words := p.options.words(p.dir)
	if len(p.options.Inject) == 0 {
		return words
	}
	target, err := p.target()
	if err != nil {
		return words
	}
	return withoutSecrets(words, target.Values)
}

// withoutSecrets hides secrets in what is put into a service to see it fail.
func withoutSecrets(words []string, values map[string]string) []string {
	var secrets []string
	for _, value := range values {
		if len(value) >= 6 { // shorter ones are in many words
			secrets = append(secrets, value, strings.ReplaceAll(value, "'", `'\''`))
		}
	}
	hide := platform.Redactor(secrets)
	for i, word := range words {
		if nameOf(word) == "inject" {
			words[i] = hide(word)
		}
	}
	return words
}

// words are the flags that were given, and the folder where it would not be found.
func (o *Options) words(dir string) (words []string) {
	if o.given != nil {
		words = action.Given(o.given)
	}
	if o.Root == "" || action.Names(firstWords(words), "root") {
		return words
	}
	if found, err := platform.Find(dir); err != nil || found != o.Root {
		words = append(words, "--root "+shellWord(shortPath(dir, o.Root)))
	}
	return words
}

// firstWords are the names of flags, without their values.
func firstWords(words []string) (names []string) {
	for _, word := range words {
		name, _, _ := strings.Cut(word, " ")
		names = append(names, name)
	}
	return names
}

// invocation is how ci was called: `go run` leaves a program that is gone later.
func invocation() string {
	program, err := os.Executable()
	if err != nil || !strings.Contains(filepath.ToSlash(program), "/go-build") {
		return shellWord(os.Args[0])
	}
	command := "go run github.com/teei/slipway/ci"
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" && build.Main.Version != "(devel)" {
		command += "@" + build.Main.Version
	}
	return command
}

// hint is what to do about an error, with commands that do just that.
func (p *pipeline) hint(err error) string {
	return p.options.pasteable(hint(err), p.dir)
}

// elsewhere are the commands of slipway that work on no environment.
var elsewhere = []string{"init", "version", "checks"}

// pasteable gives the commands in a hint the flags of this run: those of ci that run
// stages get all of them, others only those that say where. One that a dry run names
// is a dry run too.
func (o *Options) pasteable(hint, dir string) string {
	given := o.words(dir)
	return action.Complete(hint, func(words []string) (flags []string) {
		switch {
		case words[0] == "ci" && len(words) > 1 && slices.Contains([]string{"doctor", "list", "affected"}, words[1]):
			flags = slices.DeleteFunc(slices.Clone(given), notPlace)
		case words[0] == "ci":
			flags = slices.Clone(given)
		case words[0] == "slipway" && len(words) > 1 && !slices.Contains(elsewhere, words[1]):
			flags = slices.DeleteFunc(slices.Clone(given), notPlace)
			if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--env ") }) {
				flags = append([]string{"--env sandbox"}, flags...)
			}
		}
		return slices.DeleteFunc(flags, func(flag string) bool { return action.Names(words, nameOf(flag)) })
	})
}

// notPlace is for flags that do not say where a command works.
func notPlace(flag string) bool { return nameOf(flag) != "env" && nameOf(flag) != "root" }

func nameOf(flag string) string {
	name := firstWords([]string{flag})[0]
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "--"), "=")
	return name
}
