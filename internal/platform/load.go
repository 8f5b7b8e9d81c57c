package platform

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// File is the name of the platform file.
const File = "slipway.yaml"

// Load reads the slipway.yaml in root, fills in its defaults and compares it
// with the folder it lies in. Mistakes in the file come as Problems.
func Load(root string) (*Platform, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", File, err)
	}
	data, err := readFile(filepath.Join(root, File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &UsageError{Message: "no " + File + " in " + root, Advice: "`slipway init` writes one from what it finds"}
	} else if err != nil {
		return nil, fmt.Errorf("load %s: %w", File, err)
	}
	p, doc, problems := parse(shortest(filepath.Join(root, File)), data)
	if len(problems) > 0 {
		return nil, problems
	}
	p.Root = root
	if p.Toolchain.PackageManager == "" {
		p.Toolchain.PackageManager = packageManager(root)
	}
	if err := inspect(p, doc); err != nil {
		return nil, err
	}
	return p, nil
}

// readFile reads no more than Parse accepts, whatever lies there.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// shortest names a file from where the reader is, so that it can be clicked.
func shortest(file string) string {
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, file); err == nil && !strings.HasPrefix(rel, "..") {
			return rel
		}
	}
	return file
}

// packageManager is what package.json says, without the hash behind the version.
func packageManager(root string) string {
	top, err := readManifest(root, ".")
	manager, _, _ := strings.Cut(top.PackageManager, "+")
	if err != nil || badPackageManager(manager) != "" {
		return ""
	}
	return manager
}

// inspect reports what the file names and the folder does not have.
func inspect(p *Platform, d *document) error {
	root, err := os.OpenRoot(p.Root) // also refuses links that lead out of it
	if err != nil {
		return fmt.Errorf("load %s: %w", File, err)
	}
	defer root.Close()
	exists := func(at, name string, folder bool) {
		if !d.has(at) {
			return
		}
		info, err := root.Stat(filepath.FromSlash(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.report(at, quote(name)+" does not exist", "paths are relative to the folder of "+File)
		case err != nil:
			d.report(at, quote(name)+" cannot be read inside the folder of "+File, "")
		case info.IsDir() != folder:
			d.report(at, quote(name)+" is not a "+map[bool]string{true: "folder", false: "file"}[folder], "")
		}
	}
	for i, s := range p.Services {
		at := item("services", i)
		exists(join(at, "path"), s.Path, true)
		exists(join(at, "image.context"), s.Image.Context, true)
		exists(join(at, "image.dockerfile"), path.Join(s.Path, s.Image.Dockerfile), false)
	}
	exists("manifests.kustomize", p.Manifests.Kustomize, true)
	for i, pattern := range p.Manifests.Files {
		if matches, err := Expand(p.Root, []string{pattern}); err != nil || len(matches) == 0 {
			d.report(item("manifests.files", i), "no file matches "+quote(pattern), "patterns are relative to the folder of "+File+"; * stays within a folder, ** spans any")
		}
	}
	for _, name := range sortedKeys(p.Environments) {
		exists(join(join("environments", name), "overlay"), p.Environments[name].Overlay, true)
	}
	if p.Database != nil {
		exists("database.migrations", p.Database.Migrations, true)
	}
	if len(d.problems) > 0 {
		return d.problems.sorted()
	}
	return nil
}
