package workflow

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"

	"github.com/teei/slipway/testenv/github"
	"github.com/teei/slipway/testenv/testenv"
)

// A job with the number and the key of an App asks as the App, else with its token.
func TestAsksAsAnApp(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	for name, tt := range map[string]struct {
		number, key string
		token       string // that GitHub is asked with, "" where it is not asked
	}{
		"without an App": {"", "", "of-the-step"},
		"as an App":      {"12", text, github.AppToken},
		"no key":         {"12", "", ""},
		"no number":      {"", text, ""},
		"no such number": {"twelve", text, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := github.New("acme/platform")
			h.Change(func(k *github.Known) {
				k.AppKey = &key.PublicKey
				k.Teams["acme/leadership"] = map[string]string{"vera": "active"}
			})
			s := testenv.GitHub(t, h)
			env := map[string]string{"GITHUB_API_URL": s.URL, "GITHUB_TOKEN": "of-the-step", "GITHUB_REPOSITORY": "acme/platform", AppNumber: tt.number, AppKey: tt.key}
			c, err := GitHub(func(name string) string { return env[name] })
			if tt.token == "" {
				if err == nil {
					t.Error("no error")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if member, err := c.Member(t.Context(), "leadership", "vera"); err != nil || !member || !slices.Contains(s.Tokens(), tt.token) {
				t.Errorf("%t, %v, asked with %q", member, err, s.Tokens())
			}
		})
	}
}
