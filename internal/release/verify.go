package release

import (
	"fmt"
	"regexp"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/internal/rollout"
)

// Verification sets what slipway.yaml asks of services with new pods.
func Verification(o *rollout.Options, v platform.Verify) error {
	if v.Settle != nil {
		o.Settle = v.Settle.Duration
	}
	if v.Logs == nil {
		return nil
	}
	rules := probe.LogRules{Levels: v.Logs.Levels}
	for _, p := range []struct {
		from []string
		to   *[]*regexp.Regexp
	}{{v.Logs.Patterns, &rules.Patterns}, {v.Logs.Allow, &rules.Allow}} {
		for _, text := range p.from {
			pattern, err := regexp.Compile(text)
			if err != nil {
				return fmt.Errorf("read verify.logs: %w", err)
			}
			*p.to = append(*p.to, pattern)
		}
	}
	o.Critical = rules.Critical
	return nil
}
