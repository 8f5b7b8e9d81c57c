package platform

import (
	"slices"
	"text/template"
)

// Notification tells people, or programs, of releases.
type Notification struct {
	// Name of who is told, such as stakeholders.
	Name string `yaml:"name"`
	// Kind: slack (an incoming webhook), webhook (JSON, signed) or grafana (an annotation from the start to the end of a release). Default: webhook.
	Kind string `yaml:"kind,omitempty"`
	// URL is the variable that holds the address; of Grafana, its root.
	URL string `yaml:"url"`
	// Secret is the variable that holds the key which a webhook's JSON is signed with (HMAC-SHA256), or the token of a service account of Grafana.
	Secret string `yaml:"secret,omitempty"`
	// On lists what is told: waiting, started, released, failed, rolled-back, proven, breach. Default: all of it; for Grafana, how a release ended.
	On []string `yaml:"on,omitempty"`
	// Text is a template of Go for the message, with .Environment, .Release, .Event, .Verdict, .By and .Link.
	Text string `yaml:"text,omitempty"`
}

// Kinds of notifications.
const (
	Slack   = "slack"
	Grafana = "grafana"
	Webhook = "webhook"
)

// Events that people can be told of.
const (
	Waiting    = "waiting"  // a release waits for approval
	Started    = "started"  // it began
	Released   = "released" // and ended well
	Failed     = "failed"   // or was taken back
	RolledBack = "rolled-back"
	Proven     = "proven" // the watch is over
	Breached   = "breach" // the watch found something
)

// Events are all of them.
var Events = []string{Waiting, Started, Released, Failed, RolledBack, Proven, Breached}

func (n *Notification) fillDefaults() {
	fill(&n.Kind, Webhook)
	switch {
	case n.On != nil:
	case n.Kind == Grafana:
		n.On = []string{Released, Failed, RolledBack}
	default:
		n.On = Events
	}
}

// Wants reports whether an event is told.
func (n Notification) Wants(event string) bool { return slices.Contains(n.On, event) }

func validateNotification(at string, n Notification, d *document) {
	d.required(at, "name", "who is told, such as stakeholders")
	d.required(at, "url", "the variable that holds the address")
	d.text(join(at, "kind"), n.Kind, oneOf(Slack, Webhook, Grafana))
	d.text(join(at, "url"), n.URL, badVariable)
	d.text(join(at, "secret"), n.Secret, badVariable)
	for i, event := range n.On {
		d.text(item(join(at, "on"), i), event, oneOf(Events...))
	}
	d.text(join(at, "text"), n.Text, func(s string) string {
		if _, err := template.New("text").Parse(s); err != nil {
			return "expected a template such as {{.Release}} {{.Event}}: " + err.Error()
		}
		return ""
	})
	if n.Kind == Grafana && n.Secret == "" && !d.bad[join(at, "secret")] {
		d.report(at, "secret is missing, expected the variable with the token of a service account of Grafana", "it takes the permission annotations:create")
	}
	if n.Kind == Webhook && n.Secret == "" && !d.bad[join(at, "secret")] && !d.bad[join(at, "kind")] {
		d.report(at, "secret is missing, expected the variable with the key that the webhook is signed with", "who gets it could not tell it from anybody's")
	}
}
