package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/teei/slipway/internal/platform"
)

// push puts an image into a registry, logged in as `docker login` left it,
// unless the registry has it, and returns its reference by digest.
func push(ctx context.Context, image v1.Image, repository string) (reference string, pushed bool, err error) {
	digest, err := image.Digest()
	if err != nil {
		return "", false, fmt.Errorf("push %s: %w", repository, err)
	}
	repo, err := name.NewRepository(repository)
	if err != nil {
		return "", false, &platform.UsageError{Message: "push " + repository + ": it is no name of a repository", Advice: "correct registry in " + platform.File}
	}
	reference = repository + "@" + digest.String()
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	if _, err := remote.Head(repo.Digest(digest.String()), options...); err == nil {
		return reference, false, nil
	}
	// The tag only keeps registries from removing what nothing names.
	tag := repo.Tag("slipway-" + digest.Hex[:12])
	if err := remote.Write(tag, image, options...); err != nil {
		return "", false, pushError(repository, err)
	}
	return reference, true, nil
}

func pushError(repository string, err error) error {
	advice := "is the registry up? `ci doctor` asks"
	if isRefusal(err) {
		host, _, _ := strings.Cut(repository, "/")
		advice = "log in with `docker login " + host + "`, as somebody who may push there"
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return &platform.InfrastructureError{Message: "push " + repository + ": " + cause(err.Error()), Advice: advice}
}

// imagesFile tells a later run, such as the next job of a workflow, what the
// images stage made.
type imagesFile struct {
	Registry   string            `json:"registry"`
	References map[string]string `json:"references"`
}

func (p *pipeline) saveImages(target platform.Target) error {
	data, err := json.MarshalIndent(imagesFile{target.Registry, p.images}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.imagesPath(), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write images.json: %w", err)
	}
	return nil
}

func (p *pipeline) imagesPath() string { return filepath.Join(p.options.Output, "images.json") }

// knownImages are the references of this run, else those of the last one to
// the same registry. The stage is the one that wants them.
func (p *pipeline) knownImages(target platform.Target, stage string) (map[string]string, error) {
	if len(p.images) > 0 {
		return p.images, nil
	}
	again := &platform.UsageError{Message: stage + " knows no images for " + target.Registry, Advice: "`ci images " + stage + "` makes them first; or name the folder of the run that made them with --output"}
	data, err := os.ReadFile(p.imagesPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, again
	} else if err != nil {
		return nil, fmt.Errorf("read images.json: %w", err)
	}
	var file imagesFile
	if json.Unmarshal(data, &file) != nil || file.Registry != target.Registry {
		return nil, again
	}
	return file.References, nil
}

// isRefusal tells that a registry wants to know first who asks.
func isRefusal(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
}

// isAnswer tells that a registry answered, if not as hoped.
func isAnswer(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer)
}
