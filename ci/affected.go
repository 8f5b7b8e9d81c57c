package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/platform"
)

// reach is what a change can reach in the workspace.
type reach struct {
	all      bool
	reason   string   // why it is all
	packages []string // otherwise
	folders  []string // of the packages
	needed   []string // the packages, and all that they need
	base     string   // what was compared with, for people
}

// command is what a check runs for what was reached, and "" if it need not run.
// The note says why.
func (r reach) command(check platform.Check) (command, note string) {
	switch {
	case r.all:
		return check.Run, r.reason
	case len(r.packages) == 0:
		return "", "nothing changed since " + r.base
	}
	words := func(names []string, prefix string) string {
		var words []string
		for _, name := range names {
			words = append(words, shellWord(prefix+name))
		}
		return strings.Join(words, " ")
	}
	command = strings.NewReplacer("{filters}", words(r.packages, "--filter="), "{filters...}", words(r.needed, "--filter="), "{folders}", words(r.folders, "")).Replace(check.Affected)
	return command, "changes since " + r.base + " reach " + strings.Join(r.packages, ", ")
}

// reach computes what changed, if only that is asked for.
func (p *pipeline) reach(ctx context.Context) (reach, error) {
	if p.options.Affected == "" {
		return reach{all: true}, nil
	}
	r, err := findReach(ctx, p.platform.Root, p.options.Affected)
	if err == nil && r.all {
		p.progress.Say("  all checks run: %s", r.reason)
	} else if err == nil {
		_, note := r.command(platform.Check{})
		p.progress.Say("  %s", note)
	}
	return r, err
}

// findReach compares the working tree with its merge base, through git on the
// host: no history is uploaded.
func findReach(ctx context.Context, root, base string) (reach, error) {
	workspace, err := platform.ReadWorkspace(root)
	if errors.Is(err, fs.ErrNotExist) {
		return reach{all: true, reason: "there is no package.json, so no graph of packages"}, nil
	} else if err != nil {
		return reach{}, err
	}
	name := base
	if base == autoBase {
		if name = defaultBase(ctx, root); name == "" {
			return reach{all: true, reason: "no base found to compare with (no origin/HEAD, main or master)"}, nil
		}
	} else if err := checkRevision(ctx, root, base); err != nil {
		return reach{}, err
	}
	from, err := git(ctx, root, "merge-base", "--end-of-options", name, "HEAD")
	if err != nil {
		//nolint:nilerr // without a merge base everything runs, and the reason says so
		return reach{all: true, reason: "no merge base with " + name + " (is the history fetched?)"}, nil
	}
	changed, err := changedFiles(ctx, root, strings.TrimSpace(from))
	if err != nil {
		return reach{}, err
	}
	return reached(workspace, changed, name), nil
}

// reached is what changed files can reach.
func reached(w *platform.Workspace, changed []string, base string) reach {
	r := reach{base: base}
	r.packages, r.all, r.reason = w.Affected(changed)
	r.folders = w.Folders(r.packages)
	for _, name := range r.packages {
		for _, p := range w.Closure(name) {
			if !slices.Contains(r.needed, p.Name) {
				r.needed = append(r.needed, p.Name)
			}
		}
	}
	slices.Sort(r.needed)
	return r
}

// defaultBase is what a change will be merged into, as far as git knows.
func defaultBase(ctx context.Context, root string) string {
	candidates := []string{"origin/HEAD", "origin/main", "origin/master", "main", "master"}
	if target := os.Getenv("GITHUB_BASE_REF"); target != "" {
		candidates = append([]string{"origin/" + target}, candidates...)
	}
	for _, name := range candidates {
		if _, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}"); err == nil {
			return name
		}
	}
	return ""
}

// checkRevision refuses what git would not take for a revision, however it is
// spelled: a branch may be called --output=x.
func checkRevision(ctx context.Context, root, base string) error {
	_, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "--end-of-options", base+"^{commit}")
	if err == nil {
		return nil
	}
	if errors.Is(err, errNoGit) {
		return err
	}
	return &platform.UsageError{Message: "--affected: " + shellWord(base) + " is no branch, tag or commit here", Advice: "fetch it first, such as `git fetch origin " + shellWord(base) + "`"}
}

// changedFiles are those that differ from the commit, in the working tree too,
// relative to root.
func changedFiles(ctx context.Context, root, commit string) ([]string, error) {
	prefix, err := git(ctx, root, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	// Whatever a person's configuration says: names from the top, and changes of submodules too.
	differ, err := git(ctx, root, "diff", "--name-only", "--no-relative", "--ignore-submodules=none", "--no-renames", "-z", "--end-of-options", commit, "--")
	if err != nil {
		return nil, err
	}
	added, err := git(ctx, root, "ls-files", "--others", "--exclude-standard", "--full-name", "-z")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range strings.Split(differ+added, "\x00") {
		// What lies outside the root is another project's.
		if rel, inside := strings.CutPrefix(name, strings.TrimSpace(prefix)); inside && rel != "" && path.Clean(rel) != ".slipway" {
			names = append(names, rel)
		}
	}
	return names, nil
}

var errNoGit = &platform.UsageError{Message: "--affected needs git, and this is no git repository", Advice: "leave --affected out to run everything"}

// git runs git on the host, reading only.
func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...)
	// Of a hook that runs this, git would take root for the top of its repository.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}, name)
	})
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	switch {
	case err == nil:
		return string(out), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, exec.ErrNotFound) || strings.Contains(stderr.String(), "not a git repository"):
		return "", errNoGit
	}
	return "", errors.New("git " + args[0] + ": " + strings.TrimSpace(stderr.String()))
}
