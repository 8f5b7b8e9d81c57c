package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"dagger.io/dagger"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// baseImage is what the image of a service stands on.
type baseImage struct {
	name   string
	digest string // of the name, as the registry resolved it
	image  v1.Image
}

// bases fetches each base image once a run, however many stand on it.
type bases struct {
	mu   sync.Mutex
	once map[string]func() (baseImage, error)
}

// baseImage fetches through the engine, which knows mirrors and logins, and
// keeps the layers in a cache folder named after the digest.
func (p *pipeline) baseImage(ctx context.Context, name string) (baseImage, error) {
	p.bases.mu.Lock()
	fetch, ok := p.bases.once[name]
	if !ok {
		if p.bases.once == nil {
			p.bases.once = map[string]func() (baseImage, error){}
		}
		fetch = sync.OnceValues(func() (baseImage, error) { return p.fetchBase(ctx, name) })
		p.bases.once[name] = fetch
	}
	p.bases.mu.Unlock()
	return fetch()
}

func (p *pipeline) fetchBase(ctx context.Context, name string) (b baseImage, err error) {
	c := p.dag.Container().From(name)
	reference, err := c.ImageRef(ctx)
	if err != nil {
		return b, explain("find base image "+name, err)
	}
	_, digest, ok := strings.Cut(reference, "@")
	if !ok {
		return b, fmt.Errorf("find base image %s: the registry gave no digest", name)
	}
	variant, err := p.dag.DefaultPlatform(ctx)
	if err != nil {
		return b, explain("find base image "+name, err)
	}
	cache, err := cacheDir("base")
	if err != nil {
		return b, err
	}
	dir := filepath.Join(cache, strings.NewReplacer(":", "-", "/", "-").Replace(digest+"-"+string(variant)))
	b = baseImage{name: strings.TrimSuffix(name, "@"+digest), digest: digest}
	if b.image, err = readLayout(dir); err == nil {
		return b, nil
	}
	if err := exportLayout(ctx, c, dir); err != nil {
		return b, explain("fetch base image "+name, err)
	}
	b.image, err = readLayout(dir)
	return b, err
}

// exportLayout writes a container's image as an OCI layout, all or nothing.
func exportLayout(ctx context.Context, c *dagger.Container, dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	archive := filepath.Join(tmp, "image.tar")
	if _, err := c.AsTarball().Export(ctx, archive); err != nil {
		return err
	}
	whole := filepath.Join(tmp, "layout")
	if err := extract(archive, whole); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(whole, dir)
}

func readLayout(dir string) (v1.Image, error) {
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	return firstImage(index)
}

// firstImage finds the image in an index, which may lie in another one.
func firstImage(index v1.ImageIndex) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, m := range manifest.Manifests {
		if m.MediaType.IsImage() {
			return index.Image(m.Digest)
		}
		if m.MediaType.IsIndex() {
			inner, err := index.ImageIndex(m.Digest)
			if err != nil {
				return nil, err
			}
			return firstImage(inner)
		}
	}
	return nil, errors.New("the archive holds no image")
}

// extract unpacks the plain files of an archive, inside dir alone.
func extract(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		name := filepath.FromSlash(strings.TrimPrefix(h.Name, "./"))
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		out, err := root.Create(name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, r); err != nil {
			return errors.Join(err, out.Close())
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
}

func portName(port int) string { return strconv.Itoa(port) + "/tcp" }
