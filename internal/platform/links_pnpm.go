package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pnpmLock is what of a pnpm-lock.yaml matters here, of versions 5, 6 and 9.
type pnpmLock struct {
	Version  string `yaml:"lockfileVersion"`
	Settings struct {
		ExcludeLinks bool `yaml:"excludeLinksFromLockfile"`
	} `yaml:"settings"`
	Overrides    map[string]string       `yaml:"overrides"`
	Importers    map[string]pnpmImporter `yaml:"importers"`
	pnpmImporter `yaml:",inline"`        // before version 9, where there is but one package
	Packages     map[string]pnpmPackage  `yaml:"packages"`
	Snapshots    map[string]pnpmPackage  `yaml:"snapshots"` // from version 9 on, what packages need
}

type pnpmImporter struct {
	Dependencies         map[string]pnpmVersion `yaml:"dependencies"`
	DevDependencies      map[string]pnpmVersion `yaml:"devDependencies"`
	OptionalDependencies map[string]pnpmVersion `yaml:"optionalDependencies"`
}

type pnpmPackage struct {
	Resolution struct {
		Directory string `yaml:"directory"`
		Tarball   string `yaml:"tarball"`
	} `yaml:"resolution"`
	pnpmImporter `yaml:",inline"`
}

// pnpmVersion is a plain version, or one beside what was asked for.
type pnpmVersion string

func (v *pnpmVersion) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*v = pnpmVersion(n.Value)
		return nil
	}
	var both struct {
		Version string `yaml:"version"`
	}
	err := n.Decode(&both)
	*v = pnpmVersion(both.Version)
	return err
}

func pnpmLinks(data []byte) (*links, error) {
	l := &links{folders: []string{}}
	// Newer versions write a document about pnpm itself before that of the workspace.
	for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var lock pnpmLock
		if err := d.Decode(&lock); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, errors.New("cannot be read: " + err.Error())
		}
		if err := lock.into(l); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (lock pnpmLock) into(l *links) error {
	if major, _, _ := strings.Cut(lock.Version, "."); major != "5" && major != "6" && major != "9" {
		return fmt.Errorf("has a version that is not known here: %q", lock.Version)
	}
	if lock.Settings.ExcludeLinks && len(lock.Overrides) > 0 {
		return errors.New("leaves out what is linked (excludeLinksFromLockfile), and there are overrides")
	}
	if len(lock.Importers) == 0 {
		lock.Importers = map[string]pnpmImporter{".": lock.pnpmImporter}
	}
	for dir, importer := range lock.Importers {
		dir = path.Clean(dir)
		l.folders = append(l.folders, dir)
		lock.needs(l, dir, dir, importer)
	}
	for _, packages := range []map[string]pnpmPackage{lock.Packages, lock.Snapshots} {
		for key, p := range packages {
			if folder := p.Resolution.Directory; folder != "" {
				l.add(outside+key, path.Clean(folder))
				l.copied = append(l.copied, path.Clean(folder))
			}
			if archive, ok := strings.CutPrefix(p.Resolution.Tarball, "file:"); ok {
				l.add(outside+key, path.Clean(archive))
				l.copied = append(l.copied, path.Clean(archive))
			}
			// A snapshot is of a package with these peers; what it is made from stands there.
			if bare, _, peers := strings.Cut(key, "("); peers {
				l.add(outside+key, outside+bare)
			}
			lock.needs(l, outside+key, ".", p.pnpmImporter)
		}
	}
	return nil
}

// needs adds what one of them has; links are relative to the folder.
func (lock pnpmLock) needs(l *links, from, folder string, i pnpmImporter) {
	for _, dependencies := range []map[string]pnpmVersion{i.Dependencies, i.DevDependencies, i.OptionalDependencies} {
		for name, v := range dependencies {
			version := string(v)
			if linked, ok := strings.CutPrefix(version, "link:"); ok {
				l.add(from, path.Join(folder, linked))
				continue
			}
			// What a version is called among the packages differs by the lockfile's own
			// version; no two things share one of these names.
			for _, key := range []string{version, name + "@" + version, "/" + name + "@" + version, "/" + name + "/" + version} {
				if _, ok := lock.Packages[key]; ok {
					l.add(from, outside+key)
				}
				if _, ok := lock.Snapshots[key]; ok {
					l.add(from, outside+key)
				}
			}
			if at, ok := strings.CutPrefix(version, "file:"); ok {
				at, _, _ = strings.Cut(at, "(")
				l.add(from, path.Clean(at))
			}
		}
	}
}
