package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger.io/dagger"
	"github.com/moby/patternmatcher/ignorefile"
)

// workdir is where the repository lies in containers: not directly below the
// root, where vitest and others take it for a path of a URL.
const workdir = "/home/platform"

// notSource is never uploaded: it is nobody's business, or only good where it was made.
// Plain patterns only; one with ! makes an upload slow.
var notSource = []string{"**/node_modules", "**/.git", "**/.slipway", "**/.env", "**/.env.local"}

// madeAgain is not uploaded unless git has some of it: then it is source, by
// what its authors say.
var madeAgain = []string{"**/dist", "**/coverage", "**/*.tsbuildinfo"}

// excludes are the patterns of what is not uploaded from this repository.
func excludes(root, output string) []string {
	return slices.Concat(notMade(root), never(root, output))
}

// contextExcludes are those of a Dockerfile's context, by the file of Docker's
// that ignores. Of several patterns that match, the last one counts.
func contextExcludes(root, dockerfile, output string) ([]string, error) {
	for _, name := range []string{dockerfile + ".dockerignore", filepath.Join(root, ".dockerignore")} {
		file, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		defer file.Close()
		ignored, err := ignorefile.ReadAll(file)
		return slices.Concat(notMade(root), ignored, never(root, output)), err
	}
	return excludes(root, output), nil
}

// notMade are the patterns of madeAgain, without those that git has files of.
func notMade(root string) (patterns []string) {
	for _, pattern := range madeAgain {
		tracked, err := git(context.Background(), root, "ls-files", "-z", "--", ":(glob)"+pattern, ":(glob)"+pattern+"/**")
		if err != nil || tracked == "" {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}

// never are the patterns of notSource, and of the output folder.
func never(root, output string) []string {
	rel, err := filepath.Rel(root, output)
	if err != nil || !filepath.IsLocal(rel) || rel == "." {
		return notSource
	}
	return append(slices.Clone(notSource), filepath.ToSlash(rel))
}

// source uploads the repository, without the folders named.
func (p *pipeline) source(without ...string) *dagger.Directory {
	return p.dag.Host().Directory(p.platform.Root, dagger.HostDirectoryOpts{Exclude: slices.Concat(p.notUploaded(), without)})
}

// files uploads only those files. Each layer has an upload of its own, so that
// it depends on nothing but the contents of its own files.
func (p *pipeline) files(names []string) *dagger.Directory {
	return p.dag.Host().Directory(p.platform.Root, dagger.HostDirectoryOpts{Include: escapeAll(names), Exclude: p.notUploaded()})
}

// escapeAll takes the meaning of patterns from names of files.
func escapeAll(names []string) []string {
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = escape.Replace(name)
	}
	return escaped
}
