package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/teei/slipway/internal/platform"
)

// The engine starts the servers that are bound to a command even when it has
// the command's result in its cache. So for a suite with servers it is noted
// here that it passed, under a digest of everything that it saw: sources,
// command, images, and this program. A failure is never noted.

// passedNote returns the file that notes it, and the output of then, if it
// passed before.
func (p *pipeline) passedNote(ctx context.Context, name string, check platform.Check, command string) (file, output string, ok bool) {
	if p.options.NoCache {
		return "", "", false
	}
	self, err := p.selfOnce()
	if err != nil {
		return "", "", false
	}
	sources, err := p.source().Digest(ctx)
	if err != nil {
		return "", "", false
	}
	images := []string{p.platform.Toolchain.Image}
	for _, need := range check.Needs {
		images = append(images, p.platform.Infrastructure[need].Image)
	}
	for i, image := range images {
		if images[i], err = p.dag.Container().From(image).ImageRef(ctx); err != nil {
			return "", "", false
		}
	}
	seen, err := json.Marshal([]any{name, check, command, sources, images, filepath.Base(self), p.platform.Toolchain, p.platform.Variables, p.platform.Infrastructure})
	if err != nil {
		return "", "", false
	}
	dir, err := cacheDir("passed")
	if err != nil {
		return "", "", false
	}
	sum := sha256.Sum256(seen)
	file = filepath.Join(dir, hex.EncodeToString(sum[:]))
	before, err := os.ReadFile(file)
	return file, string(before), err == nil
}
