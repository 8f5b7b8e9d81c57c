package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"

	"dagger.io/dagger"
)

// workdir is where the repository lies in containers: not directly below the
// root, where vitest and others take it for a path of a URL.
const workdir = "/home/platform"

// notSource is never uploaded: it is made again, or it is nobody's business.
// Plain patterns only; one with ! would make every upload slow.
var notSource = []string{"**/node_modules", "**/dist", "**/.git", "**/.slipway", "**/.env", "**/.env.local", "**/coverage", "**/*.tsbuildinfo"}

// excludes are the patterns of what is not uploaded from this repository.
func excludes(root, output string) []string {
	patterns := append([]string{}, notSource...)
	if rel, err := filepath.Rel(root, output); err == nil && filepath.IsLocal(rel) && rel != "." {
		patterns = append(patterns, filepath.ToSlash(rel))
	}
	file, err := os.Open(filepath.Join(root, ".dockerignore"))
	if err != nil {
		return patterns
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.Trim(strings.TrimSpace(lines.Text()), "/")
		if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "!") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// source uploads the repository, without the folders named.
func (p *pipeline) source(without ...string) *dagger.Directory {
	return p.dag.Host().Directory(p.platform.Root, dagger.HostDirectoryOpts{Exclude: append(p.excludes(), without...)})
}

// files uploads only those files. Each layer has an upload of its own, so that
// it depends on nothing but the contents of its own files.
func (p *pipeline) files(names []string) *dagger.Directory {
	return p.dag.Host().Directory(p.platform.Root, dagger.HostDirectoryOpts{Include: escapeAll(names), Exclude: p.excludes()})
}

func (p *pipeline) excludes() []string {
	patterns := excludes(p.platform.Root, p.options.Output)
	if p.npm.rootSecret {
		patterns = append(patterns, ".npmrc")
	}
	return patterns
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
