package kube

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Source says where objects come from: exactly one of its fields.
type Source struct {
	// Kustomize folder, absolute or relative to the working directory.
	Kustomize string
	// Files with plain objects, as patterns; those that match nothing are an error.
	Files []string
	// Text is YAML that a command printed, and Name is that command.
	Text []byte
	Name string
}

// RenderOptions change what was read into what is applied.
type RenderOptions struct {
	// Namespace every namespaced object is put into. One that names another is an error.
	Namespace string
	// WrittenFor is the namespace that the manifests name and that stands for Namespace; "" for none.
	WrittenFor string
	// Excluded is told of each hook of another tool, which is left out. nil: a hook is an error.
	Excluded func(Hook)
	// Images maps an image's name in the manifests, without tag, to the reference by digest that replaces it.
	Images map[string]string
	// Labels set on every object, next to app.kubernetes.io/managed-by.
	Labels map[string]string
}

// Render reads objects, puts them into a namespace, sets their images and sorts
// them into the order in which they can be applied. It needs no cluster.
func Render(ctx context.Context, from Source, o RenderOptions) ([]*Object, error) {
	objects, err := load(from)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, errors.New("read manifests: they have no object")
	}
	if objects, err = withoutHooks(objects, o.Excluded); err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, errors.New("read manifests: they have nothing but hooks of other tools")
	}
	if o.Namespace != "" {
		if err := place(objects, o.WrittenFor, o.Namespace); err != nil {
			return nil, err
		}
	}
	if err := unique(objects); err != nil {
		return nil, err
	}
	if err := setImages(objects, o.Images); err != nil {
		return nil, err
	}
	out := make([]*Object, 0, len(objects))
	for _, l := range objects {
		label(l.obj, o.Labels)
		encodeSecret(l.obj)
		inOneLine(l.obj)
		policyTypes(l.obj)
		oneAccount(l.obj)
		out = append(out, l.obj)
	}
	Sort(out)
	return out, nil
}

// located is an object and where it was read, for messages.
type located struct {
	obj  *Object
	from string
}

func load(from Source) ([]located, error) {
	switch {
	case from.Kustomize != "":
		return kustomize(from.Kustomize)
	case len(from.Files) > 0:
		return files(from.Files)
	case from.Name != "" || len(from.Text) > 0:
		return parse(from.Name, from.Text)
	}
	return nil, errors.New("read manifests: neither a Kustomize folder nor files nor a command is named")
}

// kustomize builds a folder in this process. Plugins and files outside of the
// overlay's own bases stay off, as in kubectl.
func kustomize(folder string) ([]located, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("build manifests in %s: %w", folder, err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		return nil, fmt.Errorf("build manifests in %s: %w", folder, err)
	}
	return parse(folder, text)
}

func files(patterns []string) ([]located, error) {
	var out []located
	read := map[string]bool{}
	for _, pattern := range patterns {
		names, err := match(pattern)
		if err != nil {
			return nil, fmt.Errorf("read manifests %s: %w", pattern, err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("read manifests %s: no file matches", pattern)
		}
		for _, name := range names {
			if read[name] {
				continue
			}
			read[name] = true
			objects, err := parseFile(name)
			if err != nil {
				return nil, err
			}
			out = append(out, objects...)
		}
	}
	return out, nil
}

func parseFile(name string) ([]located, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	if info.Size() > maxText {
		return nil, fmt.Errorf("read manifests %s: larger than %d MiB", name, maxText>>20)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read manifests: %w", err)
	}
	return parse(name, text)
}

// match is filepath.Glob with ** for any depth and a folder meaning its YAML files.
func match(pattern string) ([]string, error) {
	if info, err := os.Stat(pattern); err == nil && info.IsDir() {
		pattern = filepath.Join(pattern, "*.y*ml")
	}
	root, rest, deep := strings.Cut(pattern, "**")
	if !deep {
		return filepath.Glob(pattern)
	}
	rest = strings.TrimPrefix(rest, "/")
	var out []string
	err := filepath.WalkDir(filepath.Clean(root), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		ok, err := filepath.Match(rest, filepath.Base(path))
		if ok {
			out = append(out, path)
		}
		return err
	})
	sort.Strings(out)
	return out, err
}
