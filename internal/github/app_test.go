package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"

	ours "github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/testenv/github"
)

// app is one that the stand-in knows.
func app(t *testing.T, s *github.Server) *ours.App {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.Change(func(k *github.Known) { k.AppKey = &key.PublicKey })
	a, err := ours.NewApp(s.URL, 12, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// An App finds where it is installed, and asks with the token that it gets there.
func TestApp(t *testing.T) {
	t.Parallel()
	s, _ := hub(t)
	c, err := app(t, s).Of("acme/platform")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if member, err := c.Member(t.Context(), "leadership", "vera"); err != nil || !member {
			t.Fatalf("%t, %v", member, err)
		}
	}
	requests, _ := s.Requests()
	want := []string{
		"GET /repos/acme/platform/installation", "POST /app/installations/5/access_tokens",
		"GET /orgs/acme/teams/leadership/memberships/vera", "GET /orgs/acme/teams/leadership/memberships/vera",
	}
	if !slices.Equal(requests, want) || !slices.Contains(s.Tokens(), github.AppToken) || len(s.Tokens()) > 3 {
		t.Errorf("%q with %q", requests, s.Tokens())
	}
}

// One that GitHub does not know, or that is not installed, is told from a missing run.
func TestAppInTrouble(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change     func(*github.Known)
		says, hint string
	}{
		"not installed":   {func(k *github.Known) { k.Faults = []github.Fault{{Path: "/installation", Status: 404}} }, "App 12 is not installed in acme/platform", "install it there"},
		"another key":     {func(k *github.Known) { k.AppKey = nil }, "look where App 12 is installed: GitHub answered 401", "make a new one"},
		"no token":        {func(k *github.Known) { k.Faults = []github.Fault{{Path: "/access_tokens", Status: 403}} }, "ask for a token of installation 5: GitHub answered 403", "permission"},
		"GitHub is away":  {func(k *github.Known) { k.Faults = []github.Fault{{Path: "/access_tokens", Cut: true}} }, "ask for a token of installation 5: ", "when GitHub answers"},
		"its limit is up": {func(k *github.Known) { k.Faults = []github.Fault{{Path: "/access_tokens", Status: 403, Reset: 3600}} }, "is used up until", "wait until then"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := hub(t)
			a := app(t, s)
			s.Change(tt.change)
			c, err := a.Of("acme/platform")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Run(t.Context(), 7)
			var known *ours.Error
			if !errors.As(err, &known) || !strings.HasPrefix(err.Error(), "read run 7: ") || !strings.Contains(err.Error(), tt.says) || !strings.Contains(known.Hint(), tt.hint) || ours.Missing(err) {
				t.Errorf("%v", err)
			}
		})
	}
}
