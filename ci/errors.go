package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"dagger.io/dagger"

	"github.com/teei/slipway/internal/platform"
)

// Exit codes of ci.
const (
	exitFine           = 0
	exitFailed         = 1 // a check or a release failed
	exitUsage          = 2 // ci was asked or given something wrong
	exitInfrastructure = 3 // nothing is known about the platform: its surroundings failed
)

// exitCode is the one for an error.
func exitCode(err error) int {
	var usage interface{ Usage() bool }
	var infrastructure interface{ Infrastructure() bool }
	switch {
	case err == nil:
		return exitFine
	case errors.As(err, &usage) && usage.Usage():
		return exitUsage
	case errors.As(err, &infrastructure) && infrastructure.Infrastructure():
		return exitInfrastructure
	}
	return exitFailed
}

// hint is what to do about an error, or "".
func hint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// advised is a failure with what to do about it.
type advised struct {
	error
	advice string
}

// Hint says what to do about it.
func (a *advised) Hint() string  { return a.advice }
func (a *advised) Unwrap() error { return a.error }

func (c *cli) printError(err error) {
	fmt.Fprintln(c.stderr, "error:", err)
	dir, _ := os.Getwd() // without one, --root is named
	if h := c.options.pasteable(hint(err), dir); h != "" {
		fmt.Fprintln(c.stderr, "hint:", h)
	}
}

// explain turns what Dagger says into a sentence. Only the exit code of a
// command is a verdict on the platform; all else is the engine's trouble.
func explain(doing string, err error) error {
	var exec *dagger.ExecError
	var known interface{ Infrastructure() bool }
	if err == nil || errors.As(err, &exec) || errors.As(err, &known) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	text := cause(err.Error())
	advice := "the whole story is in dagger.log in the output folder"
	switch {
	case unresolved.MatchString(err.Error()):
		advice = "check the image's name in " + platform.File + ", and that its registry or mirror is up and reached from the engine"
	case strings.Contains(text, "connection refused"), strings.Contains(text, "no such host"), strings.Contains(text, "i/o timeout"), strings.Contains(text, "no route to host"):
		advice = "is the registry or mirror up, and reached from the engine? `ci doctor` asks"
	case strings.Contains(text, "no space left"):
		advice = "free space, or let the engine clean up: `dagger core engine local-cache prune`"
	}
	return &platform.InfrastructureError{Message: doing + ": " + text, Advice: advice}
}

var (
	unresolved = regexp.MustCompile(`failed to resolve source metadata for (\S+?): ([^\n]*)`)
	request    = regexp.MustCompile(`failed to do request: [A-Z][a-z]+ "[^"]*": `)
)

// cause is the part of an error of the engine that a reader can use: GraphQL's
// path and the steps on the way are cut off.
func cause(text string) string {
	text = strings.TrimSpace(text)
	if i := strings.Index(text, " ["); i > 0 && strings.HasSuffix(text, "]") {
		text = text[:i] // the call traces that some errors end with
	}
	if m := unresolved.FindStringSubmatch(text); m != nil {
		return "image " + m[1] + ": " + request.ReplaceAllString(m[2], "")
	}
	text = strings.TrimPrefix(text, "input: ")
	if first, rest, ok := strings.Cut(text, " "); ok && strings.Count(first, ".") > 1 {
		text = rest
	}
	for _, noise := range []string{"failed to solve: ", "resolve image config: ", "failed to resolve image: ", "resolve : "} {
		text = strings.ReplaceAll(text, noise, "")
	}
	if line, _, ok := strings.Cut(text, "\n"); ok {
		text = line
	}
	const most = 400
	if len(text) > most {
		text = "…" + text[len(text)-most:]
	}
	return text
}
