package probe

import (
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

// Critical reports whether a line of a log is critical.
func (r LogRules) Critical(line string) bool {
	return (matches(r.Patterns, line) || slices.Contains(r.Levels, level(line))) && !matches(r.Allow, line)
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
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		if len(line) < longLine {
			return ""
		}
		return levelOfCut(line)
	}
	for _, key := range levelKeys {
		if v, ok := fields[key]; ok {
			return levelName(fmt.Sprint(v))
		}
	}
	return ""
}

func levelName(said string) string {
	name := strings.ToLower(said)
	if known, ok := pinoLevels[name]; ok {
		return known
	}
	return name
}

// longLine is a length from which on the middle of a line may have been left out, so
// that it is no JSON any more.
const longLine = 1 << 20

// levelField is a level at the beginning or the end of such a line.
var levelField = regexp.MustCompile(`[{,]\s*"(?:level|severity|lvl|log\.level)"\s*:\s*"?([A-Za-z0-9]+)`)

func levelOfCut(line string) string {
	const near = 4 << 10
	for _, part := range []string{line[:near], line[len(line)-near:]} {
		if found := levelField.FindStringSubmatch(part); found != nil {
			return levelName(found[1])
		}
	}
	return ""
}
