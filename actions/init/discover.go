package scaffold

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/platform"
)

// guessed marks what the repository does not say.
const guessed = "GUESSED"

// found is what a repository tells about its platform.
type found struct {
	files          files
	name           string
	workspace      *platform.Workspace // nil without package.json
	toolchain      toolchain
	checks         []check
	infrastructure []server
	database       *database
	variables      []variable
	services       []service
	manifests      manifests
	environments   []environment
	leftOut        []string // what was seen and not taken, with the reason
}

type service struct {
	name, path          string
	port                int
	portGuess           string // why the port is a guess, "" if it is known
	health              string // "" for the default
	dockerfile, context string
	reference           string
	dev, imageGuess     string
}

type environment struct{ name, namespace, namespaceGuess, overlay string }

// files are the paths of a repository that matter here, with forward slashes.
type files struct {
	root string
	all  []string
}

// discover reads the repository; it changes nothing.
func discover(ctx context.Context, root string) (*found, error) {
	list, err := list(ctx, root)
	if err != nil {
		return nil, err
	}
	f := &found{files: list}
	if f.workspace, err = platform.ReadWorkspace(root); errors.Is(err, fs.ErrNotExist) {
		f.workspace = nil
	} else if err != nil {
		return nil, err
	}
	f.name = platformName(list)
	objects := readObjects(list)
	compose, err := readCompose(list)
	if err != nil {
		return nil, err
	}
	dockerfiles := list.match("**/Dockerfile", "**/*.Dockerfile", "**/Containerfile")
	if f.workspace == nil && len(objects.workloads) == 0 && len(compose.services) == 0 && len(dockerfiles) == 0 {
		return nil, &platform.UsageError{
			Message: "nothing to describe in " + root + ": no package.json, Dockerfile, Kubernetes manifest or compose file",
			Advice:  "run it in the root of a repository, or name that with --root",
		}
	}
	f.toolchain = readToolchain(list, f.workspace)
	f.infrastructure = readInfrastructure(list, compose, f.workspace)
	f.database = readDatabase(list, f.workspace)
	f.checks = readChecks(list, f.workspace, f.infrastructure, f.database)
	f.manifests, f.environments = readManifests(list, objects)
	f.variables = readVariables(f.infrastructure, objects)
	f.findServices(objects, compose, dockerfiles)
	if len(f.services) == 0 {
		return nil, &platform.UsageError{Message: "no service in " + root, Advice: "a service is a Deployment, a Dockerfile, a compose service with build:, or a package with a start script"}
	}
	return f, nil
}

// list walks the repository, without what tools and tests put there.
func list(ctx context.Context, root string) (files, error) {
	f := files{root: root}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (slices.Contains([]string{"node_modules", "testdata", "vendor", "dist", "build"}, base) || strings.HasPrefix(base, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if rel, err := filepath.Rel(root, name); err == nil && entry.Type().IsRegular() {
			f.all = append(f.all, filepath.ToSlash(rel))
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return f, &platform.UsageError{Message: root + " does not exist", Advice: "--root names an existing folder"}
	}
	return f, err
}

func (f files) match(patterns ...string) []string {
	var matches []string
	for _, name := range f.all {
		if slices.ContainsFunc(patterns, func(pattern string) bool { return platform.Match(pattern, name) }) {
			matches = append(matches, name)
		}
	}
	return matches
}

// read returns a file's content, and nothing for one that is no source.
func (f files) read(name string) []byte {
	full := filepath.Join(f.root, filepath.FromSlash(name))
	if info, err := os.Stat(full); err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil
	}
	data, err := os.ReadFile(full)
	if err != nil {
		return nil
	}
	return data
}

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

// label makes a name that Kubernetes takes out of any other.
func label(s string) string {
	s = strings.Trim(notLabel.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if s == "" || s[0] >= '0' && s[0] <= '9' {
		s = "app-" + s
	}
	return strings.Trim(s[:min(len(s), 63)], "-")
}

// platformName is what package.json says, else the folder's.
func platformName(f files) string {
	var top struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(f.read("package.json"), &top) // ReadWorkspace read it already, if it is there
	if top.Name != "" {
		return label(unscoped(top.Name))
	}
	root := f.root
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	return label(filepath.Base(root))
}

func base(dir string) string { return path.Base(dir) }
