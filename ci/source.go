package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"dagger.io/dagger"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/teei/slipway/internal/platform"
)

// workdir is where the repository lies in containers: not directly below the
// root, where vitest and others take it for a path of a URL.
const workdir = "/home/platform"

// Everything is uploaded but what git ignores: what git has is source, and so is
// a new file that it does not ignore. A check and an image see what a fresh clone
// has, and what was not committed yet. Plain patterns only: one with ! makes an
// upload slow.

// tools keep these in every repository, and they are in no commit.
var toolFolders = []string{"**/.git", "**/.slipway"}

// unlessTracked is source only where git has it: packages that were installed
// for another machine, and secrets of a person that nobody told git to ignore.
var unlessTracked = []string{"**/node_modules", "**/.env", "**/.env.local"}

// madeAgain is left out where there is no git to ask.
var madeAgain = []string{"**/dist", "**/coverage", "**/*.tsbuildinfo"}

// excludes are the patterns of what is not uploaded from this folder.
func excludes(root, output string) []string {
	made, never := notSource(root, output)
	return slices.Concat(made, never)
}

// contextExcludes are those of a Dockerfile's context, by the file of Docker's
// that ignores. Of several patterns that match, the last one counts.
func contextExcludes(root, dockerfile, output string) ([]string, error) {
	made, never := notSource(root, output)
	for _, name := range []string{dockerfile + ".dockerignore", filepath.Join(root, ".dockerignore")} {
		file, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		defer file.Close()
		ignored, err := ignorefile.ReadAll(file)
		return slices.Concat(made, ignored, never), err
	}
	return slices.Concat(made, never), nil
}

// notSource are the patterns of what is left out: what was made here, which a
// .dockerignore may ask for all the same, and what is never uploaded.
func notSource(root, output string) (made, never []string) {
	never = slices.Clone(toolFolders)
	if rel, err := filepath.Rel(root, output); err == nil && filepath.IsLocal(rel) && rel != "." {
		never = append(never, escapeAll([]string{filepath.ToSlash(rel)})...)
	}
	ignored, err := ignoredByGit(root)
	if err != nil {
		return madeAgain, slices.Concat(unlessTracked, never)
	}
	return escapeAll(ignored), slices.Concat(untracked(root), never)
}

// gitReads fails where git is there and does not read the repository, such as one
// of another user: nobody could tell what it ignores, and secrets would be uploaded.
func gitReads(ctx context.Context, root string) error {
	_, err := git(ctx, root, "rev-parse", "--git-dir")
	if err == nil || errors.Is(err, errNoGit) || ctx.Err() != nil {
		return ctx.Err()
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	advice := "see what `git -C " + shellWord(root) + " status` says"
	if trust := lineWith(err.Error(), "safe.directory"); trust != "" {
		advice = "if the repository is to be trusted: `" + trust + "`"
	}
	return &platform.InfrastructureError{Message: "what git ignores in " + root + " is not known: " + message, Advice: advice}
}

// ignoredByGit are the files and folders below root that git ignores and has
// nothing of. It is an error where git does not know the folder, or ignores it
// as a whole.
func ignoredByGit(root string) ([]string, error) {
	_, err := git(context.Background(), root, "check-ignore", "--quiet", ".")
	if err == nil {
		return nil, errors.New("git ignores the folder itself")
	} else if errors.Is(err, errNoGit) {
		return nil, err
	}
	ignored, err := gitFiles(root, "--others", "--ignored", "--exclude-standard", "--directory")
	if err != nil {
		return nil, err
	}
	inner, err := repositories(root)
	if err != nil {
		return nil, err
	}
	for _, dir := range inner {
		files, err := ignoredByGit(filepath.Join(root, filepath.FromSlash(dir)))
		if err != nil {
			continue // not even git reads it
		}
		for _, file := range files {
			ignored = append(ignored, path.Join(dir, file))
		}
	}
	return ignored, nil
}

// repositories are those within this one, submodules and others: git looks into
// none of them, and each ignores files of its own.
func repositories(root string) (dirs []string, err error) {
	staged, err := gitFiles(root, "--stage")
	if err != nil {
		return nil, err
	}
	for _, entry := range staged {
		if about, name, _ := strings.Cut(entry, "\t"); strings.HasPrefix(about, "160000 ") {
			dirs = append(dirs, name)
		}
	}
	// With a name for each file that git has nothing of, such a repository stands as its folder.
	out, err := git(context.Background(), root, "ls-files", "-z", "--others", "--exclude-standard")
	for name := range strings.SplitSeq(out, "\x00") {
		if strings.HasSuffix(name, "/") {
			dirs = append(dirs, path.Clean(name))
		}
	}
	// A submodule that nobody fetched is an empty folder.
	return slices.DeleteFunc(dirs, func(dir string) bool {
		_, err := os.Lstat(filepath.Join(root, filepath.FromSlash(dir), ".git"))
		return err != nil
	}), err
}

// untracked are patterns of unlessTracked that leave what git has.
func untracked(root string) (patterns []string) {
	for _, pattern := range unlessTracked {
		spec := []string{"--", ":(glob)" + pattern, ":(glob)" + pattern + "/**"}
		if has, err := gitFiles(root, spec...); err != nil || len(has) == 0 {
			patterns = append(patterns, pattern)
		} else if others, err := gitFiles(root, append([]string{"--others", "--exclude-standard", "--directory"}, spec...)...); err == nil {
			patterns = append(patterns, escapeAll(others)...) // those that git ignores are in its list
		}
	}
	return patterns
}

// gitFiles are names that git lists, of folders too, relative to root.
func gitFiles(root string, args ...string) (names []string, err error) {
	out, err := git(context.Background(), root, append([]string{"ls-files", "-z"}, args...)...)
	for name := range strings.SplitSeq(out, "\x00") {
		// It lists the root itself where all else in it is ignored.
		if name = path.Clean(name); name != "." {
			names = append(names, name)
		}
	}
	return names, err
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
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "!", `\!`)
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = escape.Replace(name)
		if strings.TrimSpace(name) != name { // which a pattern loses
			escaped[i] = strings.ReplaceAll(escaped[i], " ", "[ ]")
		}
	}
	return escaped
}
