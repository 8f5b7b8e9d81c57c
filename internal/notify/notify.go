// Package notify tells people, and their programs, what becomes of releases. A
// message that did not arrive is never hidden: whoever sends it gets to know.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/template"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/teei/slipway/internal/platform"
)

// Message is what is told.
type Message struct {
	Event       string    `json:"event"`
	Environment string    `json:"environment"`
	Release     string    `json:"release,omitempty"` // such as production #42
	Verdict     string    `json:"verdict,omitempty"`
	By          string    `json:"by,omitempty"`
	Link        string    `json:"link,omitempty"` // to the run
	At          time.Time `json:"at"`
	// Started is when the release began, where one is told of.
	Started *time.Time `json:"started,omitempty"`
	// Delivery is different for each message, so that one that comes twice is noticed.
	Delivery string `json:"delivery"`
	Text     string `json:"text"`
}

// Receipt says that a message arrived.
type Receipt struct {
	To     string
	Status string // of HTTP
	At     time.Time
}

// Headers of a webhook, made as GitHub makes its own: HMAC-SHA256 over the body.
const (
	SignatureHeader = "X-Slipway-Signature-256"
	DeliveryHeader  = "X-Slipway-Delivery"
)

const patience = 10 * time.Second

// Send tells one receiver. The address is a secret of its own, and in no error.
func Send(ctx context.Context, n platform.Notification, m Message, getenv func(string) string) (*Receipt, error) {
	doing := "notify " + n.Name
	address, err := url.Parse(getenv(n.URL))
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, &platform.UsageError{Message: doing + ": " + n.URL + " holds no address", Advice: "give it to the job, from the secrets of the environment"}
	}
	m.At, m.Delivery = time.Now().UTC().Truncate(time.Second), rand.Text()
	if m.Text, err = text(n, m); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	body, err := body(n, m)
	if err != nil {
		return nil, err
	}
	if n.Kind == platform.Grafana {
		address = address.JoinPath("api", "annotations")
	}
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %s cannot be asked", doing, n.URL)
	}
	request.Header.Set("Content-Type", "application/json")
	key := getenv(n.Secret)
	if key == "" && n.Kind != platform.Slack {
		return nil, &platform.UsageError{Message: doing + ": " + n.Secret + " holds nothing", Advice: "give it to the job, from the secrets of the environment"}
	}
	switch n.Kind {
	case platform.Grafana:
		request.Header.Set("Authorization", "Bearer "+key)
	case platform.Webhook:
		request.Header.Set(SignatureHeader, "sha256="+Sign(body, key))
		request.Header.Set(DeliveryHeader, m.Delivery)
	}
	return post(request, n, doing)
}

func post(request *retryablehttp.Request, n platform.Notification, doing string) (*Receipt, error) {
	client := retryablehttp.NewClient()
	client.Logger, client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = nil, 2, 200*time.Millisecond, time.Second
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	// A redirect would carry the message to somebody else.
	client.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(request)
	if err != nil {
		for inner := new(url.Error); errors.As(err, &inner); {
			err = inner.Err // without the address
		}
		return nil, &platform.InfrastructureError{Message: fmt.Sprintf("%s: %v", doing, err), Advice: "is " + n.URL + " the right address?"}
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection ends well
	if answer.StatusCode/100 != 2 {
		return nil, &platform.InfrastructureError{Message: doing + ": it answered " + answer.Status, Advice: "is " + n.URL + " the right address?"}
	}
	return &Receipt{To: n.Name, Status: answer.Status, At: time.Now().UTC().Truncate(time.Second)}, nil
}

// Sign is the HMAC-SHA256 of a body, in hexadecimal (RFC 2104).
func Sign(body []byte, key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

const usual = `{{if .Release}}{{.Release}}{{else}}{{.Environment}}{{end}} {{.Event}}{{with .Verdict}}: {{.}}{{end}}{{with .By}} (by {{.}}){{end}}{{with .Link}} {{.}}{{end}}`

func text(n platform.Notification, m Message) (string, error) {
	pattern := n.Text
	if pattern == "" {
		pattern = usual
	}
	t, err := template.New("text").Parse(pattern)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, m); err != nil {
		return "", err
	}
	return b.String(), nil
}

// inSlack is how Slack wants the characters that mean something to it.
var inSlack = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func body(n platform.Notification, m Message) ([]byte, error) {
	switch n.Kind {
	case platform.Slack:
		return json.Marshal(map[string]string{"text": inSlack.Replace(m.Text)})
	case platform.Grafana:
		return json.Marshal(annotationOf(m))
	}
	return json.Marshal(m)
}

// annotation is a region of Grafana's graphs, in milliseconds since 1970
// (grafana.com/docs/grafana/latest/developers/http_api/annotations). Its text is HTML.
type annotation struct {
	Time    int64    `json:"time"`
	TimeEnd int64    `json:"timeEnd"`
	Tags    []string `json:"tags"`
	Text    string   `json:"text"`
}

func annotationOf(m Message) annotation {
	begun := m.At
	if m.Started != nil {
		begun = *m.Started
	}
	return annotation{Time: begun.UnixMilli(), TimeEnd: m.At.UnixMilli(), Tags: []string{"slipway", m.Environment, m.Event}, Text: html.EscapeString(m.Text)}
}
