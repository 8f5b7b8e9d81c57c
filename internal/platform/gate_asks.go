package platform

import (
	"fmt"
	"regexp"
)

// Performance says where a load test shows that the platform is fast enough.
type Performance struct {
	// Check is the name of a check run of the commit.
	Check string `yaml:"check,omitempty"`
	// App that the check has to come from. Default: github-actions.
	App string `yaml:"app,omitempty"`
	// Result is a file of JSON, in the folder of this file, that has the numbers and the commit that they are of.
	Result string `yaml:"result,omitempty"`
	// Budget is the most that each number of the result may be, by its name; dots lead into it, as in http.p95_ms.
	Budget map[string]float64 `yaml:"budget,omitempty"`
}

// OnCall is where a service of on-call schedules says who is there.
type OnCall struct {
	// URL is the variable that holds the address to read, such as https://api.pagerduty.com/oncalls?schedule_ids[]=….
	URL string `yaml:"url"`
	// Authorization is the variable that holds the header of that name, such as Token token=….
	Authorization string `yaml:"authorization,omitempty"`
	// Path leads to the person in the answer, as in oncalls.0.user.summary. Absent: the whole answer is looked at.
	Path string `yaml:"path,omitempty"`
	// Matches is a regular expression for what stands there; its first group, if it has one, is who is on call. Default: anything.
	Matches string `yaml:"matches,omitempty"`
}

func validatePerformance(at string, p *Performance, d *document) {
	if p == nil {
		return
	}
	if found := d.present(at, "check", "result"); len(found) != 1 {
		d.report(at, "expected either check or result", "for example performance: {check: load, app: k6}")
	}
	d.path(join(at, "result"), p.Result)
	if p.Result != "" {
		d.required(at, "budget", "the most that each number may be, such as {p95_ms: 300}")
	} else if len(p.Budget) > 0 {
		d.report(join(at, "budget"), "a check knows its budget by itself", "leave it out, or name the result")
	}
	for _, name := range sortedKeys(p.Budget) {
		if p.Budget[name] < 0 {
			d.report(join(join(at, "budget"), name), fmt.Sprintf("expected 0 or more, found %v", p.Budget[name]), "")
		}
	}
}

func validateOnCall(at string, o *OnCall, d *document) {
	if o == nil {
		return
	}
	d.required(at, "url", "the variable that holds the address")
	d.text(join(at, "url"), o.URL, badVariable)
	d.text(join(at, "authorization"), o.Authorization, badVariable)
	d.text(join(at, "matches"), o.Matches, func(s string) string {
		if _, err := regexp.Compile(s); err != nil {
			return "expected a regular expression such as ^(.+)$, found " + quote(s)
		}
		return ""
	})
}
