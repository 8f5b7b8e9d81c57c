package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/platform"
)

// The engine starts the servers that are bound to a command even when it has
// the command's result in its cache, and it knows nothing of packages. So for
// each check it is noted here that it passed, and of which sources. When these
// did not change, it has passed; when packages changed, only what they can
// reach runs again. A failure is never noted.

// sources is what a check ran with, by digests of the engine.
type sources struct {
	All      string            // of everything
	Rest     string            // of what belongs to no package
	Packages map[string]string // by folder
}

// pass is the note that a check passed.
type pass struct {
	Sources sources
	Output  string
}

// memory is what is known of a check before it runs.
type memory struct {
	dir    string // of its notes, "" if nothing is to be noted
	now    sources
	before *pass  // it passed with these very sources
	reach  *reach // otherwise, what changed since it passed; nil if that is unknown or all
}

// recall finds what is known of a check. Whatever stands in the way, such as a
// cache that cannot be read, only makes it run.
func (p *pipeline) recall(ctx context.Context, name string, check platform.Check, asked reach) memory {
	if p.options.NoCache {
		return memory{}
	}
	key, err := p.passKey(ctx, name, check, asked)
	if err != nil {
		return memory{}
	}
	now, err := p.sourcesNow(ctx)
	if err != nil {
		return memory{}
	}
	if _, err := cacheDir("passed"); err != nil { // forgets what is old
		return memory{}
	}
	dir, err := cacheDir(filepath.Join("passed", key))
	if err != nil {
		return memory{}
	}
	m := memory{dir: dir, now: now}
	if before, err := readPass(filepath.Join(dir, noteName(now))); err == nil {
		m.before = &before
	} else if asked.all && check.Affected != check.Run {
		m.reach = p.sincePass(dir, now)
	}
	return m
}

// keep notes that the check passed.
func (m memory) keep(output string) {
	if m.dir == "" {
		return
	}
	data, err := json.Marshal(pass{m.now, output})
	if err == nil {
		_ = writeWhole(filepath.Join(m.dir, noteName(m.now)), strings.NewReader(string(data))) // without a note it only runs again
	}
}

// sincePass compares with each earlier pass and returns the smallest reach of
// what changed since one of them. Where that is all of it, the reach says why.
func (p *pipeline) sincePass(dir string, now sources) *reach {
	workspace, err := p.readWorkspace()
	if err != nil {
		return nil
	}
	notes, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var least *reach
	for _, note := range notes {
		before, err := readPass(filepath.Join(dir, note.Name()))
		if err != nil || before.Sources.Rest != now.Rest || !sameKeys(before.Sources.Packages, now.Packages) {
			continue
		}
		var changed []string
		for folder, digest := range now.Packages {
			if before.Sources.Packages[folder] != digest {
				changed = append(changed, folder+"/package.json")
			}
		}
		r := reached(workspace, changed, "it passed here")
		if len(r.packages) == 0 || least != nil && len(least.packages) <= len(r.packages) {
			continue
		}
		least = &r
	}
	return least
}

// passKey is a digest of everything but the sources that a check depends on:
// command, images, this program, and the part of the workspace it was asked for.
func (p *pipeline) passKey(ctx context.Context, name string, check platform.Check, asked reach) (string, error) {
	self, err := p.selfOnce()
	if err != nil {
		return "", err
	}
	images := []string{p.platform.Toolchain.Image}
	for _, need := range check.Needs {
		images = append(images, p.platform.Infrastructure[need].Image)
	}
	for i, image := range images {
		if images[i], err = p.dag.Container().From(image).ImageRef(ctx); err != nil {
			return "", err
		}
	}
	seen, err := json.Marshal([]any{name, check, asked.packages, images, filepath.Base(self), p.platform.Toolchain, p.platform.Variables, p.platform.Infrastructure})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(seen)
	return hex.EncodeToString(sum[:]), nil
}

// sourcesNow reads them once in a run.
func (p *pipeline) sourcesNow(ctx context.Context) (sources, error) {
	p.sourcesOnce.Do(func() { p.sources, p.sourcesErr = p.readSources(ctx) })
	return p.sources, p.sourcesErr
}

// readSources asks the engine for the digests of what a check sees.
func (p *pipeline) readSources(ctx context.Context) (sources, error) {
	all := p.source()
	s := sources{Packages: map[string]string{}}
	var folders []string
	// Without a workspace nothing is known of packages, and all is the rest.
	if workspace, err := platform.ReadPackages(p.platform.Root); err == nil {
		for _, w := range workspace.Packages {
			if w.Dir != "." {
				folders = append(folders, w.Dir)
			}
		}
	}
	digests := make([]string, len(folders)+2)
	group, ctx := errgroup.WithContext(ctx)
	ask := func(i int, digest func(context.Context) (string, error)) {
		group.Go(func() (err error) { digests[i], err = digest(ctx); return err })
	}
	for i, folder := range folders {
		ask(i, all.Directory(folder).Digest)
	}
	ask(len(folders), p.source(folders...).Digest)
	ask(len(folders)+1, all.Digest)
	if err := group.Wait(); err != nil {
		return s, err
	}
	for i, folder := range folders {
		s.Packages[folder] = digests[i]
	}
	s.Rest, s.All = digests[len(folders)], digests[len(folders)+1]
	return s, nil
}

func noteName(s sources) string {
	sum := sha256.Sum256([]byte(s.All))
	return hex.EncodeToString(sum[:])
}

// longestNote is far more than any check prints that passed.
const longestNote = 64 << 20

func readPass(file string) (pass, error) {
	f, err := os.Open(file)
	if err != nil {
		return pass{}, err
	}
	defer f.Close()
	var read pass
	return read, json.NewDecoder(io.LimitReader(f, longestNote)).Decode(&read)
}

func sameKeys(a, b map[string]string) bool {
	return slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
}
