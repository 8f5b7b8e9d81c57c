package platform

import (
	"bufio"
	"bytes"
	"errors"
	"net/url"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yarnEntry is one of a yarn.lock: some ranges of a package, and what they
// were resolved to. Edges go by names alone, whatever the range: one too many
// only costs time, and the ranges of overrides are spelled in many ways.
type yarnEntry struct {
	Resolution           string            `yaml:"resolution"`
	Dependencies         map[string]string `yaml:"dependencies"`
	OptionalDependencies map[string]string `yaml:"optionalDependencies"`
}

func yarnLinks(data []byte) (*links, error) {
	if bytes.Contains(data[:min(len(data), 512)], []byte("# yarn lockfile v1")) {
		return yarnClassic(data), nil
	}
	var lock map[string]yaml.Node
	if err := yaml.Unmarshal(data, &lock); err != nil {
		return nil, errors.New("cannot be read: " + err.Error())
	}
	if _, ok := lock["__metadata"]; !ok {
		return nil, errors.New("has a form that is not known here")
	}
	l := &links{folders: []string{}}
	for key, node := range lock {
		var e yarnEntry
		if key == "__metadata" {
			continue
		} else if err := node.Decode(&e); err != nil {
			return nil, errors.New("cannot be read: " + err.Error())
		}
		from := ""
		if at, copied, ok := yarnFolder(e.Resolution); ok {
			from = at
			if copied {
				l.copied = append(l.copied, at)
			}
			if strings.Contains(e.Resolution, "@workspace:") {
				l.folders = append(l.folders, at)
			}
		}
		e.into(l, key, from)
	}
	return l, nil
}

// into adds the entry under each name of its key, and under its folder.
func (e yarnEntry) into(l *links, key, folder string) {
	nodes := []string{}
	for descriptor := range strings.SplitSeq(key, ",") {
		descriptor = strings.Trim(strings.TrimSpace(descriptor), `"`)
		if at := strings.Index(descriptor[min(1, len(descriptor)):], "@"); at >= 0 {
			nodes = append(nodes, outside+descriptor[:at+1])
		}
	}
	for _, from := range nodes {
		if folder != "" {
			l.add(from, folder)
		}
	}
	if folder != "" {
		nodes = append(nodes, folder)
	}
	for _, from := range nodes {
		for _, dependencies := range []map[string]string{e.Dependencies, e.OptionalDependencies} {
			for name := range dependencies {
				l.add(from, outside+name)
			}
		}
	}
}

// yarnFolder is the folder or archive that name@workspace:PATH, @link:,
// @portal: or @file: was resolved to; all but the first are relative to the
// one that asked.
func yarnFolder(resolution string) (at string, copied, ok bool) {
	for _, kind := range []string{"workspace:", "link:", "portal:", "file:"} {
		_, rest, found := strings.Cut(resolution, "@"+kind)
		if !found {
			continue
		}
		rest, params, _ := strings.Cut(rest, "::")
		rest, _, _ = strings.Cut(rest, "#")
		if values, err := url.ParseQuery(params); err == nil && kind != "workspace:" {
			if _, asked, ok := strings.Cut(values.Get("locator"), "@workspace:"); ok {
				rest = path.Join(asked, rest)
			}
		}
		return path.Clean(rest), kind == "file:", true
	}
	return "", false, false
}

// yarnClassic reads the format of Yarn 1, which says nothing of the workspace's
// own packages.
func yarnClassic(data []byte) *links {
	l := &links{}
	var key string
	var e yarnEntry
	in := false
	end := func() {
		e.into(l, key, "")
		key, e = "", yarnEntry{Dependencies: map[string]string{}}
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, largestLockfile)
	for lines.Scan() {
		line := lines.Text()
		switch text := strings.TrimSpace(line); {
		case text == "" || strings.HasPrefix(text, "#"):
		case !strings.HasPrefix(line, " "):
			end()
			key, in = strings.TrimSuffix(text, ":"), false
		case strings.HasPrefix(line, "    ") && in:
			name, _, _ := strings.Cut(strings.TrimPrefix(text, `"`), " ")
			e.Dependencies[strings.Trim(name, `"`)] = ""
		default:
			in = text == "dependencies:" || text == "optionalDependencies:"
		}
	}
	end()
	return l
}
