package platform

import (
	"fmt"
	"time"
)

// DefaultDeadline is how long a service may take to be healthy.
const DefaultDeadline = 3 * time.Minute

// DeadlineOf is how long a service may take to be healthy, and with "" anything
// else that a release waits for.
func (p *Platform) DeadlineOf(service string) time.Duration {
	if s, ok := p.Service(service); ok && s.Deadline.Duration > 0 {
		return s.Deadline.Duration
	}
	if p.Deadline.Duration > 0 {
		return p.Deadline.Duration
	}
	return DefaultDeadline
}

// LimitDeadlines lets nothing take longer than so long, which is what everything
// gets that has no deadline of its own; 0 limits nothing.
func (p *Platform) LimitDeadlines(most time.Duration) {
	limit := func(d *Duration, unsaid bool) {
		if d.Duration > most || d.Duration == 0 && unsaid {
			d.Duration = most
		}
	}
	if most == 0 {
		return
	}
	limit(&p.Deadline, true)
	for i := range p.Services {
		limit(&p.Services[i].Deadline, false)
	}
}

// validateDeadlines wants them long enough for a service to settle. What the
// manifests add to that, minReadySeconds, a plan looks at.
func validateDeadlines(p *Platform, d *document) {
	settle := DefaultSettle
	if p.Verify.Settle != nil {
		settle = p.Verify.Settle.Duration
	}
	check := func(at string, deadline Duration) {
		switch {
		case !d.has(at) || d.bad[at]:
		case deadline.Duration == 0:
			d.report(at, "expected a deadline such as 5m, found 0s", "leave it out for "+short(DefaultDeadline))
		case deadline.Duration < settle:
			d.report(at, fmt.Sprintf("a deadline of %s is shorter than verify.settle, %s: nothing could be healthy in time", short(deadline.Duration), short(settle)), "raise the one, or lower the other")
		}
	}
	check("deadline", p.Deadline)
	for i, s := range p.Services {
		check(join(item("services", i), "deadline"), s.Deadline)
	}
}

// short is a duration without its zeros: 5m, not 5m0s.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if n := len(text) - len(zero); n > 0 && text[n:] == zero && (text[n-1] == 'm' || text[n-1] == 'h') {
			text = text[:n]
		}
	}
	return text
}
