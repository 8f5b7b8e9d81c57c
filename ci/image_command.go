package main

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// An image whose command's file is not in it starts nowhere, and whoever made
// it is the first to know. Of a command only the files are looked for that it
// certainly reads: a program, and the script of an interpreter. What a script
// of somebody's own does with its arguments cannot be told.

// wanted is a file that a command needs: one of these, the first one named.
type wanted struct {
	names  []string
	folder bool // may be one: Node.js takes a folder with an index.js
}

var (
	// interpreters are found by whoever made the base, and read a script.
	interpreters = regexp.MustCompile(`^(node|nodejs|bun|tsx|ts-node|python[\d.]*|ruby|perl|php)$`)
	// runners are found too, and what they run is not a file's name.
	runners   = regexp.MustCompile(`^(npm|npx|pnpm|pnpx|yarn|corepack|deno|java|sh|bash|ash|dash)$`)
	wrappers  = regexp.MustCompile(`^(tini|dumb-init|docker-init|catatonit|exec|env|docker-entrypoint\.sh)$`)
	shells    = regexp.MustCompile(`^(sh|bash|ash|dash)$`)
	setting   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	shellSign = regexp.MustCompile("[|&;<>()$`\\\\\"'*?\\[\\]{}~#\n]")
	fileish   = regexp.MustCompile(`/|\.[A-Za-z]{2,4}$`)
	scriptish = regexp.MustCompile(`/|\.[cm]?[jt]s$`)
)

// takesNext are flags of interpreters whose value is the next word.
var takesNext = []string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--env-file-if-exists", "--title", "-W", "-X",
	"--redirect-warnings", "--icu-data-dir", "--report-dir", "--report-directory", "--diagnostic-dir", "--openssl-config", "--watch-path", "--cpu-prof-dir", "--heap-prof-dir",
	"--trace-event-file-pattern", "--experimental-config-file", "--localstorage-file", "--snapshot-blob", "--allow-fs-read", "--allow-fs-write"}

// noScript are flags of interpreters that read no script, or another one.
var noScript = []string{"-e", "--eval", "-p", "--print", "-i", "--interactive", "--test", "--run", "-v", "--version", "-m", "-c", "-", "inspect", "-S"}

// commandFiles are the files that a command of an image needs, as far as they
// can be told. The first words, by trusted, come from its base.
func commandFiles(config v1.Config, trusted int) (files []wanted) {
	words := slices.Concat(config.Entrypoint, config.Cmd)
	for len(words) > 0 {
		word, name := words[0], path.Base(words[0])
		words = words[1:]
		if trusted--; trusted < 0 {
			files = append(files, programs(config, word, name)...)
		}
		switch {
		case wrappers.MatchString(name):
			if words = wrapped(words); name == "docker-entrypoint.sh" && len(words) > 0 && !interpreters.MatchString(words[0]) {
				if !scriptish.MatchString(words[0]) {
					return files
				}
				// That of Node.js runs what is no command as a script.
				return append(files, script(config, words[0]))
			}
		case shells.MatchString(name) && len(words) > 1 && words[0] == "-c":
			if shellSign.MatchString(words[1]) {
				return files
			}
			words, trusted = strings.Fields(words[1]), max(trusted-1, 0)
		case shells.MatchString(name) && len(words) > 0 && !strings.HasPrefix(words[0], "-"):
			return append(files, wanted{names: []string{absolute(config, words[0])}})
		case name == "java":
			if at := slices.Index(words, "-jar"); at >= 0 && at+1 < len(words) {
				return append(files, wanted{names: []string{absolute(config, words[at+1])}})
			}
			return files
		case interpreters.MatchString(name):
			if file := scriptOf(words); file != "" && (name != "bun" && name != "tsx" || scriptish.MatchString(file)) {
				files = append(files, script(config, file))
			}
			return files
		default:
			return files
		}
	}
	return files
}

// programs is where a program may be: where its path says, or in one of PATH.
func programs(config v1.Config, word, name string) []wanted {
	if strings.Contains(word, "/") {
		return []wanted{{names: []string{absolute(config, word)}}}
	}
	if interpreters.MatchString(name) || runners.MatchString(name) || wrappers.MatchString(name) {
		return nil
	}
	dirs := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, variable := range config.Env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			dirs = value
		}
	}
	var w wanted
	for dir := range strings.SplitSeq(dirs, ":") {
		w.names = append(w.names, path.Join("/", dir, word))
	}
	return []wanted{w}
}

// wrapped is the command that a wrapper runs, nil where that cannot be told.
func wrapped(words []string) []string {
	if at := slices.Index(words, "--"); at >= 0 {
		return words[at+1:]
	}
	for len(words) > 0 && setting.MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "-") {
		return nil
	}
	return words
}

// scriptOf is the script among the arguments of an interpreter, "" for none, and
// where a word behind a flag may as well be its value.
func scriptOf(words []string) string {
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case slices.Contains(noScript, word):
			return ""
		case word == "--" && i+1 < len(words):
			return words[i+1]
		case slices.Contains(takesNext, word):
			i++
		case strings.HasPrefix(word, "-"):
		case i > 0 && strings.HasPrefix(words[i-1], "-") && !slices.Contains(takesNext, words[i-1]) && !strings.Contains(words[i-1], "=") && !fileish.MatchString(word):
			return ""
		default:
			return word
		}
	}
	return ""
}

// script may be named without its ending, or by a folder.
func script(config v1.Config, file string) wanted {
	at := absolute(config, file)
	return wanted{names: []string{at, at + ".js", at + ".cjs", at + ".json", at + ".node"}, folder: true}
}

func absolute(config v1.Config, file string) string {
	if path.IsAbs(file) {
		return path.Clean(file)
	}
	return path.Join("/", config.WorkingDir, file)
}

// commandThere fails for an image whose command's file is not in it.
func commandThere(r recipe, image v1.Image, trusted int) error {
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	slices.Reverse(layers)
	for _, w := range commandFiles(config.Config, trusted) {
		found := false
		var beside place
		for i, name := range w.names {
			at, err := findFile(layers, name, 0)
			if err != nil {
				return fmt.Errorf("image of %s: look for %s: %w", r.Name, name, err)
			}
			if i == 0 {
				beside = at
			}
			if found = at.file || at.folder && w.folder; found {
				break
			}
		}
		if !found {
			return &commandError{recipe: r, command: slices.Concat(config.Config.Entrypoint, config.Config.Cmd), file: w.names[0], beside: beside}
		}
	}
	return nil
}

// commandError is a command whose file is not in its image.
type commandError struct {
	recipe  recipe
	command []string
	file    string
	beside  place
}

func (e *commandError) Error() string {
	text := fmt.Sprintf("image of %s: its command %q needs %s, which is not in it", e.recipe.Name, strings.Join(e.command, " "), e.file)
	if e.beside.folder {
		return text + " as a file: it is a folder"
	}
	return text + "; " + e.beside.String()
}

// Hint says where the command, and what is in the image, come from.
func (e *commandError) Hint() string {
	switch {
	case e.recipe.Service.Image.Dockerfile != "":
		return "copy the file in its Dockerfile, or correct CMD or ENTRYPOINT there"
	case e.recipe.Service.Name == "":
		return "let the package's build script write it, and `files` in its package.json name it; or correct database.command in slipway.yaml"
	}
	return "let the package's build script write it, and `files` in its package.json name it; or correct image.command of " + e.recipe.Name + " in slipway.yaml"
}
