package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// LogRules say which log lines of a pod are critical.
type LogRules struct {
	// Levels of lines in JSON that are, such as error and fatal.
	Levels []string
	// Patterns of lines that are, in whatever form.
	Patterns []*regexp.Regexp
	// Allow lists patterns of lines that never are.
	Allow []*regexp.Regexp
}

// levelKeys are the fields that loggers keep the level in.
var levelKeys = []string{"level", "severity", "lvl", "log.level"}

// pinoLevels are the levels of loggers that write numbers (pino, bunyan).
var pinoLevels = map[string]string{"50": "error", "60": "fatal"}

// Critical returns the lines of a log that are critical. The last line counts
// only when it is complete.
func (r LogRules) Critical(log []byte) []string {
	var found []string
	for line := range bytes.Lines(log) {
		text := strings.TrimRight(string(line), "\r\n")
		if bytes.HasSuffix(line, []byte("\n")) && r.critical(text) && !matches(r.Allow, text) {
			found = append(found, text)
		}
	}
	return found
}

func (r LogRules) critical(line string) bool {
	return matches(r.Patterns, line) || slices.Contains(r.Levels, level(line))
}

func matches(patterns []*regexp.Regexp, line string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(line) })
}

// level of a line in JSON, in small letters; "" for any other line.
func level(line string) string {
	if !strings.HasPrefix(strings.TrimSpace(line), "{") {
		return ""
	}
	var fields map[string]any
	if json.Unmarshal([]byte(line), &fields) != nil {
		return ""
	}
	for _, key := range levelKeys {
		if v, ok := fields[key]; ok {
			name := strings.ToLower(fmt.Sprint(v))
			if known, ok := pinoLevels[name]; ok {
				return known
			}
			return name
		}
	}
	return ""
}
