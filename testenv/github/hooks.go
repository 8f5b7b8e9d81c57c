package github

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed webhook.json
var webhookSchema []byte

var webhook = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(webhookSchema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("webhook.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("webhook.json")
})

// Hook is the event deployment_protection_rule: a job of a run wants to go on.
type Hook struct {
	Run                  int64
	Deployment           int64
	Environment, SHA     string
	Created              time.Time
	Repository, Delivery string // default: the hub's, and one made of the deployment
}

// Body of the webhook, which is as GitHub's schema has it, or an error.
func (h *Hub) Body(hook Hook) ([]byte, error) {
	if hook.Repository == "" {
		hook.Repository = h.Repository
	}
	created := hook.Created.UTC().Format(time.RFC3339)
	api := "https://api.github.com/repos/" + hook.Repository
	body, err := minimal(map[string]object{
		"": {
			"action": "requested", "environment": hook.Environment, "event": "workflow_dispatch",
			"deployment_callback_url": fmt.Sprintf("%s/actions/runs/%d/deployment_protection_rule", api, hook.Run),
			"deployment":              nil, "installation": nil, "pull_requests": []any{},
		},
		"repository": {"full_name": hook.Repository},
		"deployment": {
			"id": hook.Deployment, "sha": hook.SHA, "ref": "main", "environment": hook.Environment, "original_environment": hook.Environment,
			"created_at": created, "updated_at": created,
		},
		"installation-lite": {"id": 5},
	})
	if err != nil {
		return nil, err
	}
	schema, err := webhook()
	if err != nil {
		return nil, fmt.Errorf("read GitHub's schema of the webhook: %w", err)
	}
	if err := schema.Validate(body); err != nil {
		return nil, fmt.Errorf("a webhook that GitHub would not send: %w", err)
	}
	return json.Marshal(body)
}

// Deliver sends a webhook, signed, and returns the answer's status.
func (h *Hub) Deliver(ctx context.Context, address, secret string, hook Hook) (int, error) {
	body, err := h.Body(hook)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if hook.Delivery == "" {
		hook.Delivery = fmt.Sprintf("delivery-%d", hook.Deployment)
	}
	Sign(request, "deployment_protection_rule", hook.Delivery, secret, body)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// Sign gives a webhook the headers that GitHub gives it
// (docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
func Sign(r *http.Request, event, delivery, secret string, body []byte) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", delivery)
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
}

// minimal is a value that the schema allows, with nothing in it that it does not
// ask for, but for the values given by the name of the definition ("" is the
// event). A nil value is one that the schema is to fill.
func minimal(values map[string]object) (any, error) {
	var doc struct{ Definitions map[string]object }
	if err := json.Unmarshal(webhookSchema, &doc); err != nil {
		return nil, err
	}
	var of func(schema object, name string) any
	of = func(schema object, name string) any {
		if ref, ok := schema["$ref"].(string); ok {
			name = ref[strings.LastIndex(ref, "/")+1:]
			return of(doc.Definitions[name], name)
		}
		for _, choice := range []string{"oneOf", "anyOf"} {
			if list, ok := schema[choice].([]any); ok {
				return of(list[0].(object), name)
			}
		}
		if list, ok := schema["enum"].([]any); ok {
			return list[0]
		}
		kind, _ := schema["type"].(string)
		if list, ok := schema["type"].([]any); ok {
			kind, _ = list[0].(string)
		}
		switch kind {
		case "integer", "number":
			return json.Number("1")
		case "boolean":
			return false
		case "array":
			return []any{}
		case "null":
			return nil
		case "string":
			switch schema["format"] {
			case "uri":
				return "https://example.com/"
			case "date-time":
				return "2026-11-24T08:00:00Z"
			}
			return "x"
		}
		return fill(schema, values[name], of)
	}
	root := doc.Definitions["deployment_protection_rule$requested"]
	return normal(of(root, ""))
}

func fill(schema, given object, of func(object, string) any) object {
	out := object{}
	properties, _ := schema["properties"].(object)
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if p, ok := properties[name.(string)].(object); ok {
			out[name.(string)] = of(p, name.(string))
		}
	}
	for name, value := range given {
		if value == nil {
			value = of(properties[name].(object), name)
		}
		out[name] = value
	}
	return out
}

// normal is a value as JSON has it.
func normal(v any) (any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// proven reports whether a request is of the App: its proof is signed with its key
// and in time.
func (h *Hub) proven(w http.ResponseWriter, r *http.Request) bool {
	proof := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, err := jwt.Parse(proof, func(*jwt.Token) (any, error) {
		if h.appKey == nil {
			return nil, jwt.ErrInvalidKey
		}
		return h.appKey, nil
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil {
		refuse(w, http.StatusUnauthorized, "A JSON web token could not be decoded")
		return false
	}
	return true
}

// AppToken is what the App gets.
const AppToken = "ghs_ofTheApp"

// postToken gives the App a token.
func (h *Hub) postToken(w http.ResponseWriter, r *http.Request) {
	if !h.proven(w, r) {
		return
	}
	answer(w, http.StatusCreated, object{
		"token": AppToken, "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		"permissions": object{"actions": "read"}, "repository_selection": "selected",
	})
}

// getInstallation tells the App where it is installed.
func (h *Hub) getInstallation(w http.ResponseWriter, r *http.Request) {
	if h.proven(w, r) {
		answer(w, http.StatusOK, with(example("installation"), object{"id": 5}))
	}
}
