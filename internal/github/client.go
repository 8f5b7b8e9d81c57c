package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/hashicorp/go-retryablehttp"
)

// Client asks about one repository.
type Client struct {
	Owner, Name string

	api      *github.Client
	requests atomic.Int64
}

// Options say whom to ask.
type Options struct {
	URL        string // of the API. Default: https://api.github.com/
	Token      string
	Repository string // owner/name
	// Wait is how long a limit of requests may make us wait in all, once it is said. Default: 30 s.
	Wait time.Duration
	// Timeout is how long a request may take, tried again and waited for included. Default: Wait and a minute.
	Timeout time.Duration

	// token is asked for before each request, where it is not always the same.
	token func(context.Context) (string, error)
}

var ownerAndName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`)

// New makes a client. Nothing is asked yet.
func New(o Options) (*Client, error) {
	if !ownerAndName.MatchString(o.Repository) || strings.HasSuffix(o.Repository, "/..") || strings.HasSuffix(o.Repository, "/.") {
		return nil, &Error{Doing: "ask GitHub", Reason: fmt.Sprintf("%q is no repository", o.Repository), Advice: "name it as owner/name", usage: true}
	}
	if o.Token == "" && o.token == nil {
		return nil, &Error{Doing: "ask GitHub about " + o.Repository, Reason: "there is no token", Advice: "give the step `env: {GITHUB_TOKEN: ${{ github.token }}}`, or the token of a GitHub App", usage: true}
	}
	if o.token == nil {
		o.token = func(context.Context) (string, error) { return o.Token, nil }
	}
	o.Wait = cmp.Or(o.Wait, 30*time.Second)
	owner, name, _ := strings.Cut(o.Repository, "/")
	c := &Client{Owner: owner, Name: name}
	transport := &memory{next: &authorized{next: &patient{count: &c.requests, wait: o.Wait}, token: o.token}, answers: map[string]answered{}}
	c.api = github.NewClient(&http.Client{Transport: transport, CheckRedirect: sameServer, Timeout: cmp.Or(o.Timeout, o.Wait+time.Minute)})
	if o.URL != "" {
		u, err := url.Parse(strings.TrimSuffix(o.URL, "/") + "/")
		if err != nil || u.Host == "" {
			return nil, &Error{Doing: "ask GitHub", Reason: "GITHUB_API_URL is no address of an API", Advice: "the runner sets it; leave it alone", usage: true}
		}
		c.api.BaseURL = u
	}
	return c, nil
}

// authorized shows a token with each request.
type authorized struct {
	next  http.RoundTripper
	token func(context.Context) (string, error)
}

// RoundTrip sends one request.
func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := a.token(r.Context())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return a.next.RoundTrip(r)
}

// Requests is how many were sent so far.
func (c *Client) Requests() int { return int(c.requests.Load()) }

// patient tries reading again when GitHub is overloaded or says when to come
// back, and counts. Writing is tried once: nobody knows whether it was done.
type patient struct {
	count *atomic.Int64
	wait  time.Duration
}

// RoundTrip sends one request.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax = 3
	client.RetryWaitMin, client.RetryWaitMax = 200*time.Millisecond, 2*time.Second
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	left := p.wait
	client.CheckRetry = func(ctx context.Context, answer *http.Response, err error) (bool, error) {
		if r.Method != http.MethodGet || ctx.Err() != nil {
			return false, ctx.Err()
		}
		// A limit of requests is a 403 too, told from a refusal by its headers.
		if answer != nil && answer.StatusCode == http.StatusForbidden && limited(answer) {
			return after(answer) <= left, nil
		}
		if answer != nil && answer.StatusCode == http.StatusTooManyRequests && after(answer) > left {
			return false, nil
		}
		return retryablehttp.DefaultRetryPolicy(ctx, answer, err)
	}
	client.Backoff = func(least, most time.Duration, attempt int, answer *http.Response) time.Duration {
		pause := retryablehttp.DefaultBackoff(least, most, attempt, nil)
		if answer != nil && limited(answer) {
			pause = after(answer)
		}
		pause = min(pause, left)
		left -= pause
		return pause
	}
	client.HTTPClient.CheckRedirect = sameServer
	client.RequestLogHook = func(retryablehttp.Logger, *http.Request, int) { p.count.Add(1) }
	request, err := retryablehttp.FromRequest(r)
	if err != nil {
		return nil, err
	}
	return client.Do(request)
}

// sameServer follows GitHub to where a repository was renamed to, and nowhere else:
// no other server gets the token, or answers for GitHub.
func sameServer(to *http.Request, before []*http.Request) error {
	if first := before[0].URL; to.URL.Scheme != first.Scheme || to.URL.Host != first.Host || len(before) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

// limited reports whether GitHub says when to come back.
func limited(answer *http.Response) bool {
	return answer.Header.Get("Retry-After") != "" || answer.Header.Get("X-RateLimit-Remaining") == "0"
}

// after is how long GitHub asks to wait, in whole seconds as RFC 9110 has them,
// or until its limit begins anew, in seconds of Unix time.
func after(answer *http.Response) time.Duration {
	if answer.Header.Get("Retry-After") == "" && answer.Header.Get("X-RateLimit-Remaining") == "0" {
		if reset, err := strconv.ParseInt(answer.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(time.Until(time.Unix(reset, 0)).Round(time.Second)+time.Second, time.Second)
		}
	}
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return time.Second
	}
	return time.Duration(min(seconds, 86400)) * time.Second
}

// get reads what go-github v60 has no method for, or none that is safe.
func get[T any](ctx context.Context, c *Client, format string, parts ...string) (out T, err error) {
	path, err := c.path(format, parts...)
	if err != nil {
		return out, err
	}
	request, err := c.api.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return out, err
	}
	_, err = c.api.Do(ctx, request, &out)
	return out, err
}

// all reads a list page by page.
func all[P, T any](ctx context.Context, c *Client, of func(P) []T, format string, parts ...string) ([]T, error) {
	var out []T
	for number := 1; number <= mostPages; number++ {
		path, err := c.path(format, parts...)
		if err != nil {
			return nil, err
		}
		separator := "?"
		if strings.Contains(path, "?") {
			separator = "&"
		}
		request, err := c.api.NewRequest(http.MethodGet, fmt.Sprintf("%s%sper_page=100&page=%d", path, separator, number), nil)
		if err != nil {
			return nil, err
		}
		var p P
		answer, err := c.api.Do(ctx, request, &p)
		if err != nil {
			return nil, err
		}
		out = append(out, of(p)...)
		if answer.NextPage == 0 {
			return out, nil
		}
	}
	return nil, fmt.Errorf("there are more than %d pages", mostPages)
}

const mostPages = 50

// path fills in what a person or a webhook may have chosen: escaped, so that it
// cannot name another resource.
func (c *Client) path(format string, parts ...string) (string, error) {
	escaped := make([]any, 0, len(parts))
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("%q is no name", part)
		}
		escaped = append(escaped, url.PathEscape(part))
	}
	return fmt.Sprintf(format, escaped...), nil
}

// repo is a path within the repository.
func (c *Client) repo(rest string) string { return "repos/" + c.Owner + "/" + c.Name + "/" + rest }

// Error says what GitHub did not answer.
type Error struct {
	Doing  string
	Reason string
	Advice string
	Status int // of HTTP, 0 where there was no answer
	// Until is when GitHub may be asked again, where it says so.
	Until time.Time
	usage bool
}

func (e *Error) Error() string { return e.Doing + ": " + e.Reason }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.Advice }

// Usage marks that what was asked makes no sense.
func (e *Error) Usage() bool { return e.usage }

// Infrastructure marks that GitHub could not be asked.
func (e *Error) Infrastructure() bool { return !e.usage && e.Status != http.StatusNotFound }

// Missing reports whether GitHub knows no such thing, or does not show it to this token.
func Missing(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// explain gives an error of the library its sentence. The library's text has the
// whole URL, and what GitHub answered.
func explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Doing: doing, Reason: err.Error(), Advice: "nothing is allowed on a guess: run it again when GitHub answers"}
	var answered *github.ErrorResponse
	var limited *github.RateLimitError
	var abused *github.AbuseRateLimitError
	var own *Error // there was no token to ask with
	switch {
	case errors.As(err, &own):
		e.Reason, e.Advice, e.Until = own.Error(), own.Advice, own.Until
	case errors.As(err, &answered):
		e.Status, e.Reason = answered.Response.StatusCode, fmt.Sprintf("GitHub answered %d %s", answered.Response.StatusCode, answered.Message)
		switch e.Status {
		case http.StatusUnauthorized:
			e.Advice = "the token has expired or was withdrawn: make a new one"
		case http.StatusForbidden:
			e.Advice = "give the token the permission; `slipway doctor --github` names those that are needed"
		case http.StatusNotFound:
			e.Advice = "it does not exist, or the token may not see it; `slipway doctor --github` tells which"
		}
	case errors.As(err, &limited):
		e.Status, e.Reason = http.StatusForbidden, fmt.Sprintf("the limit of requests is used up until %s", limited.Rate.Reset.UTC().Format("15:04 MST"))
		e.Advice, e.Until = "wait until then, or use the token of a GitHub App, which has a limit of its own", limited.Rate.Reset.Time
	case errors.As(err, &abused):
		e.Status, e.Reason, e.Advice = http.StatusForbidden, "GitHub asks to slow down", "run it again in some minutes"
		if abused.RetryAfter != nil {
			e.Until = time.Now().Add(*abused.RetryAfter)
		}
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason = "GitHub did not answer in time"
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", doing, err)
	default:
		cause := err
		for transport := new(url.Error); errors.As(cause, &transport); {
			cause = transport.Err
		}
		e.Reason = cause.Error()
	}
	return e
}
