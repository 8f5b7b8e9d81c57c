package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/teei/slipway/internal/plan"
)

const (
	oncallTimeout = 10 * time.Second
	mostAnswer    = 1 << 20
)

// onCall asks the service that knows the schedules who is there.
func (c *Checklist) onCall(ctx context.Context) []plan.Finding {
	const id = "on-call"
	o := c.Gate.OnCall
	if o == nil {
		return nil
	}
	advice := "look at the schedule; nobody releases while nobody could help"
	answer, err := c.schedule(ctx)
	if err != nil {
		return []plan.Finding{fail(id, advice, "ask who is on call: %v", err)}
	}
	at := string(answer)
	if o.Path != "" {
		var v any
		if err := json.Unmarshal(answer, &v); err != nil {
			return []plan.Finding{fail(id, advice, "ask who is on call: the answer is no JSON")}
		}
		at, _ = lookup(v, o.Path).(string)
	}
	pattern, err := regexp.Compile(o.Matches)
	if err != nil {
		return []plan.Finding{unknown(id, err)}
	}
	m := pattern.FindStringSubmatch(at)
	if m == nil || at == "" {
		return []plan.Finding{fail(id, advice, "the schedule names nobody who is on call")}
	}
	who := "somebody"
	switch {
	case len(m) > 1:
		who = m[1]
	case o.Path != "":
		who = at
	}
	return []plan.Finding{pass(id, "%.100s is on call", who)}
}

// schedule reads the answer. Its address and its header may be secret, so that
// neither is in an error.
func (c *Checklist) schedule(ctx context.Context) ([]byte, error) {
	o := c.Gate.OnCall
	address, err := url.Parse(c.Getenv(o.URL))
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, fmt.Errorf("%s holds no address", o.URL)
	}
	ctx, stop := context.WithTimeout(ctx, oncallTimeout)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s holds no address", o.URL)
	}
	if o.Authorization != "" {
		header := c.Getenv(o.Authorization)
		if header == "" {
			return nil, fmt.Errorf("%s is empty", o.Authorization)
		}
		request.Header.Set("Authorization", header)
	}
	request.Header.Set("Accept", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s does not answer", address.Host)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", address.Host, answer.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s ended in the middle", address.Host)
	}
	return data, nil
}
