package main

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/teei/slipway/internal/plan"
	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/testenv"
)

// sample copies the sources of the sample platform, with these services alone;
// all of them if none is named.
func sample(t *testing.T, services ...string) (root string) {
	t.Helper()
	const from = "../testenv/platform"
	root = t.TempDir()
	err := filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains([]string{"node_modules", "dist", ".slipway", ".env"}, entry.Name()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, _ := filepath.Rel(from, file)
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(root, rel), 0o755)
		}
		data, err := os.ReadFile(file)
		return errors.Join(err, os.WriteFile(filepath.Join(root, rel), data, 0o644))
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(services) == 0 {
		return root
	}
	edit(t, root, func(p map[string]any) {
		p["services"] = slices.DeleteFunc(p["services"].([]any), func(s any) bool {
			return !slices.Contains(services, s.(map[string]any)["name"].(string))
		})
		delete(p, "order")
		delete(p, "flows")
		delete(p["verify"].(map[string]any), "inside")
	})
	return root
}

// edit changes the platform file of a repository.
func edit(t *testing.T, root string, change func(p map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, platform.File))
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := yaml.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	change(p)
	if text, err = yaml.Marshal(p); err != nil {
		t.Fatal(err)
	}
	write(t, root, platform.File, string(text))
}

// sampleDigests makes images of a platform with nothing kept from before: no
// result of the engine's, no base image of ours.
func sampleDigests(t *testing.T, root string, flags ...string) map[string]string {
	t.Helper()
	args := append([]string{"images", "--timeout", "30m", "--root", root}, flags...)
	code, output, r := launch(t, []string{"XDG_CACHE_HOME=" + t.TempDir()}, args...).ends(30 * time.Minute)
	if code != exitFine {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	digests := map[string]string{}
	for _, i := range r.Images {
		digests[i.Service] = i.Digest
	}
	return digests
}

// A bundled service, the web page and the migrator: what the engine has in its
// cache is what it would make anew. `make torture` does so with all twelve.
// None has more than its service runs.
func TestSampleImagesAreReproducible(t *testing.T) {
	t.Parallel()
	root := sample(t, "discord-bot", "corp-cockpit")
	kept, anew := sampleDigests(t, root), sampleDigests(t, root, "--no-cache")
	if len(kept) != 3 || !maps.Equal(kept, anew) {
		t.Errorf("%v, then with nothing in any cache %v", kept, anew)
	}
	for service, digest := range kept {
		minimal(t, service, ownFiles(t, testenv.Env(t)["SLIPWAY_REGISTRY"]+"/"+service+"@"+digest))
	}
}

// minimal checks what an image adds to its base: of a service one bundled file,
// of the migrator its packages too; no sources, no tests, no tools.
func minimal(t *testing.T, name string, files []string) {
	t.Helper()
	if name != plan.MigratorImage {
		if !slices.Equal(files, []string{"app/dist/main.js", "app/package.json"}) {
			t.Errorf("the image of %s has %q", name, files)
		}
		return
	}
	needs := []string{"app/package.json", "app/dist/migrate.js", "app/migrations/meta/_journal.json"}
	may := regexp.MustCompile(`^app/(package\.json$|(dist|migrations|node_modules)/)`)
	never := regexp.MustCompile(`\.test\.ts$|/(typescript|drizzle-kit|vitest|eslint)/package\.json$`)
	for _, file := range files {
		needs = slices.DeleteFunc(needs, func(n string) bool { return n == file })
		if !may.MatchString(file) || never.MatchString(file) {
			t.Errorf("the image of %s has %s", name, file)
		}
	}
	if len(needs) > 0 {
		t.Errorf("the image of %s lacks %q", name, needs)
	}
}

// ownFiles are those in the layer that an image has on its base.
func ownFiles(t *testing.T, reference string) (names []string) {
	t.Helper()
	layers, err := pull(t, reference).Layers()
	if err != nil {
		t.Fatal(err)
	}
	own, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	archive := tar.NewReader(own)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeDir {
			names = append(names, header.Name)
		}
	}
}

// One image for each of the eleven services, and the twelfth for migrations.
func TestRecipesOfTheSample(t *testing.T) {
	t.Parallel()
	p, err := platform.Load("../testenv/platform")
	if err != nil {
		t.Fatal(err)
	}
	recipes, err := (&pipeline{platform: p}).recipes()
	if err != nil || len(recipes) != 12 {
		t.Fatalf("%d images, %v", len(recipes), err)
	}
	for i, s := range p.Ordered() {
		if recipes[i].Name != s.Name || recipes[i].Package == "" {
			t.Errorf("image %d is %s, of package %q; want %s", i+1, recipes[i].Name, recipes[i].Package, s.Name)
		}
	}
	if last := recipes[11]; last.Name != plan.MigratorImage || last.Package != p.Database.Package {
		t.Errorf("the last image is %s, of package %q", last.Name, last.Package)
	}
}
