package platform

import (
	"net/url"
	"strings"
)

// GitHub says what it shows of an environment's releases.
type GitHub struct {
	// Environment of GitHub. Default: the same name.
	Environment string `yaml:"environment,omitempty"`
	// URL where people find the platform.
	URL string `yaml:"url,omitempty"`
	// Deployments shows each release as a deployment with its statuses. The job takes `deployments: write`.
	Deployments bool `yaml:"deployments,omitempty"`
	// Issues opens one where the watch finds a breach. The job takes `issues: write`.
	Issues bool `yaml:"issues,omitempty"`
	// Feedback is the label of issues in which people report trouble; those since a release keep it from being proven.
	Feedback string `yaml:"feedback,omitempty"`
}

func (g *GitHub) fillDefaults(environment string) {
	if g != nil {
		fill(&g.Environment, environment)
	}
}

func validateGitHub(at string, g *GitHub, d *document) {
	if g == nil {
		return
	}
	d.text(join(at, "environment"), g.Environment, badLabel)
	d.text(join(at, "url"), g.URL, func(s string) string {
		if u, err := url.Parse(s); s == "" || err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
			return ""
		}
		return "expected an address such as https://app.example.org, found " + quote(s)
	})
	d.text(join(at, "feedback"), g.Feedback, func(s string) string {
		if strings.ContainsAny(s, ",\n\r\t") || len(s) > 50 {
			return "expected one label of GitHub, found " + quote(s)
		}
		return ""
	})
}
