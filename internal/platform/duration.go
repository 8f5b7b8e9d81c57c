package platform

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a time.Duration that is written 90s, 10m or 1h30m in YAML.
type Duration struct{ time.Duration }

// MarshalYAML writes the duration the way it is read.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalYAML reads a duration; a bare number has no unit and is refused.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	parsed, err := parseDuration(n.Value)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

func parseDuration(s string) (Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return Duration{}, fmt.Errorf("%q is not a duration such as 90s, 10m or 1h30m", s)
	}
	return Duration{d}, nil
}
