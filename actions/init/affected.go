package scaffold

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// affectedBy is the command of a check for what a change can reach. Only what is
// sure to do a part of what the whole does is written: a root script is
// narrowed where it only hands on to a tool that goes through the packages, in
// that tool's own words, so that it still builds what the reached ones need.
// Everything else runs as a whole, which the empty command says.
func affectedBy(manager, rootScript, script string, inPackages bool) string {
	switch {
	case !inPackages:
		return ""
	case real(rootScript):
		return narrowed(manager, rootScript)
	case manager == "pnpm":
		return "pnpm {filters...} --if-present run " + script
	}
	return ""
}

// nxProject is a package.json that makes its folder a project.
var nxProject = regexp.MustCompile(`"nx"\s*:\s*\{`)

// rootTasks tells that the tool which a root script hands on to has tasks at the root
// itself: these read all packages, and none of them names them.
func rootTasks(f files, rootScript string) bool {
	for _, word := range strings.Fields(rootScript) {
		switch word {
		case "turbo":
			return bytes.Contains(f.read("turbo.json"), []byte(`"//#`)) || bytes.Contains(f.read("turbo.jsonc"), []byte(`"//#`))
		case "nx":
			return f.read("project.json") != nil || nxProject.Match(f.read("package.json"))
		}
	}
	return false
}

// narrowed is a root script for what was reached, "" where it may do more.
func narrowed(manager, rootScript string) string {
	if strings.ContainsAny(rootScript, "|&;<>()$`\\\"'*?[]{}~#\n") {
		return ""
	}
	words := strings.Fields(rootScript)
	if len(words) > 0 && words[0] == "pnpm" && (slices.Contains(words, "-r") || slices.Contains(words, "--recursive")) {
		return recursive(words[1:])
	}
	for _, runner := range [][]string{{"pnpm", "exec"}, {"pnpm"}, {"npx"}, {"yarn", "run"}, {"yarn"}} {
		if len(words) > len(runner) && slices.Equal(words[:len(runner)], runner) {
			words = words[len(runner):]
			break
		}
	}
	how := map[string]string{"pnpm": "pnpm exec ", "yarn": "yarn "}[manager]
	if how == "" {
		how = "npx "
	}
	switch {
	case len(words) > 1 && words[0] == "turbo" && !chooses(words, "--filter", "-F", "--affected", "--scope", "--since"):
		return how + strings.Join(beforeRest(words, "{filters}"), " ")
	case len(words) > 2 && words[0] == "nx" && words[1] == "run-many" && !chooses(words, "-p", "--projects", "--exclude", "--all"):
		return how + strings.Join(beforeRest(words, "-p {folders}"), " ")
	}
	return ""
}

// recursive is what pnpm runs in all packages, for those reached and what they
// need: alone, these find nothing built that they need.
func recursive(words []string) string {
	if chooses(words, "--filter", "-F", "--filter-prod", "--resume-from") {
		return ""
	}
	words = slices.DeleteFunc(slices.Clone(words), func(word string) bool { return word == "-r" || word == "--recursive" })
	at := slices.IndexFunc(words, func(word string) bool { return !strings.HasPrefix(word, "-") })
	switch {
	case at < 0 || words[at] == "install":
		return ""
	case words[at] == "exec":
		return "pnpm {filters...} " + strings.Join(words, " ")
	case words[at] != "run":
		words = slices.Insert(words, at, "run")
	}
	if !slices.Contains(words, "--if-present") {
		words = slices.Insert(words, at, "--if-present")
	}
	return "pnpm {filters...} " + strings.Join(words, " ")
}

// chooses tells that a command says by itself which packages it is for.
func chooses(words []string, flags ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool {
		name, _, _ := strings.Cut(word, "=")
		return slices.Contains(flags, name)
	})
}

// beforeRest puts a flag before what the tool hands on, behind --.
func beforeRest(words []string, flag string) []string {
	if at := slices.Index(words, "--"); at >= 0 {
		return slices.Insert(slices.Clone(words), at, flag)
	}
	return append(slices.Clone(words), flag)
}
