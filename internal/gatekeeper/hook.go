package gatekeeper

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Request is a job that waits for an environment.
type Request struct {
	Deployment   int64  `json:"deployment"` // of GitHub: each request has one of its own
	Run          int64  `json:"run"`
	Environment  string `json:"environment"`
	SHA          string `json:"sha"`
	Installation int64  `json:"installation"`
	// Received is when the webhook was taken, Next when it is looked at again.
	Received time.Time `json:"received"`
	Next     time.Time `json:"next"`
	// State is approved or rejected, "" while it is open. It is written before
	// GitHub is told, so that who comes after a crash says the same.
	State   string `json:"state,omitempty"`
	Comment string `json:"comment,omitempty"`
	// Waits are the findings that GitHub was told of last, while it is open.
	Waits string `json:"waits,omitempty"`
	// Reports is how often GitHub was told what is waited for; it takes ten.
	Reports int `json:"reports,omitempty"`
}

// refusal of a webhook, with the status of HTTP that GitHub shows for it.
type refusal struct {
	status int
	result string // for the metrics
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, result, format string, args ...any) *refusal {
	return &refusal{status: status, result: result, text: fmt.Sprintf(format, args...)}
}

// signed reports whether a body was signed with one of the secrets, of which
// there are two while one is exchanged.
func signed(header string, body []byte, secrets []string) bool {
	given, err := hex.DecodeString(strings.TrimPrefix(header, "sha256="))
	if err != nil || !strings.HasPrefix(header, "sha256=") {
		return false
	}
	ok := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		ok = hmac.Equal(given, mac.Sum(nil)) || ok
	}
	return ok
}

// callback is the only place where GitHub names the run. Nothing is ever sent to
// the address itself, which whoever forges a webhook could choose.
var callback = regexp.MustCompile(`/repos/([^/]+/[^/]+)/actions/runs/([1-9][0-9]{0,18})/deployment_protection_rule$`)

// Ages between which a webhook is taken. It has no time of its own: that of its
// deployment is, as part of the body, signed.
const (
	oldest = time.Hour
	skew   = 5 * time.Minute // of clocks
)

// read takes a signed webhook apart. It is nil for events that are none of ours.
func read(event string, body []byte, repository string, now time.Time) (*Request, *refusal) {
	if event != "deployment_protection_rule" {
		return nil, nil
	}
	var hook struct {
		Action      string `json:"action"`
		Environment string `json:"environment"`
		Callback    string `json:"deployment_callback_url"`
		Deployment  struct {
			ID      int64     `json:"id"`
			SHA     string    `json:"sha"`
			Created time.Time `json:"created_at"`
		} `json:"deployment"`
		Repository struct {
			Name string `json:"full_name"`
		} `json:"repository"`
		Installation struct {
			ID int64 `json:"id"`
		} `json:"installation"`
	}
	if err := json.Unmarshal(body, &hook); err != nil {
		return nil, refuse(http.StatusBadRequest, "malformed", "the body is not what GitHub sends: %v", err)
	}
	if hook.Action != "requested" {
		return nil, nil
	}
	if !strings.EqualFold(hook.Repository.Name, repository) {
		return nil, refuse(http.StatusForbidden, "foreign", "this rule is of another repository")
	}
	of := callback.FindStringSubmatch(hook.Callback)
	if of == nil || !strings.EqualFold(of[1], repository) || hook.Deployment.ID < 1 || hook.Installation.ID < 1 || hook.Environment == "" || len(hook.Environment) > 255 {
		return nil, refuse(http.StatusBadRequest, "malformed", "it names no run, deployment, environment or installation")
	}
	if age := now.Sub(hook.Deployment.Created); age > oldest || age < -skew {
		return nil, refuse(http.StatusBadRequest, "stale", "its deployment was made %s, and it is %s", hook.Deployment.Created.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	run, err := strconv.ParseInt(of[2], 10, 64)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "malformed", "it names no run")
	}
	return &Request{
		Deployment: hook.Deployment.ID, Run: run, Environment: hook.Environment, SHA: hook.Deployment.SHA,
		Installation: hook.Installation.ID, Received: now, Next: now,
	}, nil
}
