package github

import (
	"context"
	"crypto/rsa"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v60/github"
)

// App is a GitHub App: a program with rights of its own. For each place where it
// is installed it asks for a token, which is good for an hour.
type App struct {
	url string
	id  int64
	key *rsa.PrivateKey

	mu            sync.Mutex
	tokens        map[int64]token   // by installation
	clients       map[place]*Client // which remember what they asked before
	installations map[string]int64  // by repository
}

type place struct {
	installation int64
	repository   string
}

type token struct {
	value   string
	expires time.Time
}

// early is how long before its end a token is not used any more.
const early = 5 * time.Minute

// NewApp makes an App of its number and its private key, as GitHub gave it in PEM.
func NewApp(url string, id int64, key []byte) (*App, error) {
	private, err := jwt.ParseRSAPrivateKeyFromPEM(key)
	if err != nil || id < 1 {
		return nil, &Error{Doing: "be a GitHub App", Reason: "its number or its private key cannot be read", Advice: "give the number from the App's page, and the .pem file that GitHub made there, unchanged", usage: true}
	}
	return &App{url: url, id: id, key: private, tokens: map[int64]token{}, clients: map[place]*Client{}, installations: map[string]int64{}}, nil
}

// Client asks about a repository with the rights that the App has there. It is the
// same each time, and has a token.
func (a *App) Client(ctx context.Context, installation int64, repository string) (*Client, error) {
	token := func(ctx context.Context) (string, error) { return a.token(ctx, installation, repository) }
	if _, err := token(ctx); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	at := place{installation, repository}
	if a.clients[at] == nil {
		c, err := New(Options{URL: a.url, Repository: repository, token: token})
		if err != nil {
			return nil, err
		}
		a.clients[at] = c
	}
	return a.clients[at], nil
}

// Of asks about a repository with the rights that the App has there, wherever it
// is installed. Nothing is asked yet.
func (a *App) Of(repository string) (*Client, error) {
	return New(Options{URL: a.url, Repository: repository, token: func(ctx context.Context) (string, error) {
		installation, err := a.installation(ctx, repository)
		if err != nil {
			return "", err
		}
		return a.token(ctx, installation, repository)
	}})
}

// installation is that of the App in a repository.
func (a *App) installation(ctx context.Context, repository string) (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id := a.installations[repository]; id != 0 {
		return id, nil
	}
	c, err := a.itself(repository)
	if err != nil {
		return 0, err
	}
	found, _, err := c.api.Apps.FindRepositoryInstallation(ctx, c.Owner, c.Name)
	err = explain("look where App "+strconv.FormatInt(a.id, 10)+" is installed", err)
	if Missing(err) {
		err = &Error{Doing: "be a GitHub App", Reason: fmt.Sprintf("App %d is not installed in %s", a.id, repository), Advice: "install it there, on its page", usage: true}
	}
	if err != nil {
		return 0, err
	}
	a.installations[repository] = found.GetID()
	return found.GetID(), nil
}

// itself asks as the App, and not as one of its installations.
func (a *App) itself(repository string) (*Client, error) {
	return New(Options{URL: a.url, Repository: repository, token: func(context.Context) (string, error) { return a.sign(time.Now()) }})
}

// Forget drops the token of an installation: it may have been withdrawn.
func (a *App) Forget(installation int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tokens, installation)
}

// token is held under the lock while it is asked for, so that many requests at
// once ask for one.
func (a *App) token(ctx context.Context, installation int64, repository string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.tokens[installation]; time.Until(t.expires) > early {
		return t.value, nil
	}
	doing := "ask for a token of installation " + strconv.FormatInt(installation, 10)
	c, err := a.itself(repository)
	if err != nil {
		return "", err
	}
	// Least rights: this repository, of all where the App is installed.
	made, _, err := c.api.Apps.CreateInstallationToken(ctx, installation, &github.InstallationTokenOptions{Repositories: []string{c.Name}})
	if err != nil {
		return "", explain(doing, err)
	}
	t := token{value: made.GetToken(), expires: made.GetExpiresAt().Time}
	if t.value == "" {
		return "", &Error{Doing: doing, Reason: "GitHub gave none", Advice: "is the App installed there?"}
	}
	a.tokens[installation] = t
	return t.value, nil
}

// sign makes the App's own proof: RS256, ten minutes at most, begun a minute ago
// for clocks that differ
// (docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app).
func (a *App) sign(now time.Time) (string, error) {
	claims := jwt.RegisteredClaims{
		Issuer: strconv.FormatInt(a.id, 10), IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}
	return jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(a.key)
}

// Decision about a job that waits for a custom deployment protection rule.
type Decision struct {
	Environment string `json:"environment_name"`
	// State is approved or rejected; "" only reports.
	State   string `json:"state,omitempty"`
	Comment string `json:"comment"`
}

// Decide tells a run what its custom deployment protection rule says.
func (c *Client) Decide(ctx context.Context, run int64, d Decision) error {
	return c.post(ctx, "tell run "+strconv.FormatInt(run, 10)+" what was decided", c.repo("actions/runs/"+strconv.FormatInt(run, 10)+"/deployment_protection_rule"), d, nil)
}

// Waits reports whether a job of a run still waits for an environment.
func (c *Client) Waits(ctx context.Context, run int64, environment string) (bool, error) {
	waiting, err := get[[]struct {
		Environment named `json:"environment"`
	}](ctx, c, c.repo("actions/runs/%s/pending_deployments"), strconv.FormatInt(run, 10))
	for _, w := range waiting {
		if w.Environment.Name == environment {
			return true, nil
		}
	}
	return false, explain("read what run "+strconv.FormatInt(run, 10)+" waits for", err)
}

// post sends what go-github v60 has no method for, once.
func (c *Client) post(ctx context.Context, doing, path string, body, out any) error {
	return c.write(ctx, doing, "POST", path, body, out)
}

func (c *Client) write(ctx context.Context, doing, method, path string, body, out any) error {
	request, err := c.api.NewRequest(method, path, body)
	if err == nil {
		_, err = c.api.Do(ctx, request, out)
	}
	return explain(doing, err)
}
