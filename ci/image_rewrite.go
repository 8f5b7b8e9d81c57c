package main

import (
	"regexp"
	"strconv"
	"strings"
)

// Commands of a Dockerfile are run under an ARG of ours here and there, which is
// in their environment and decides what the engine finds in its cache, and in no
// image. The history would tell of it, so it is taken out there.

var (
	fromLine  = regexp.MustCompile(`(?i)^[ \t]*FROM[ \t]`)
	runLine   = regexp.MustCompile(`(?i)^[ \t]*RUN[ \t]+`)
	document  = regexp.MustCompile(`(?:^|[ \t])<<-?["']?([A-Za-z_][A-Za-z0-9_]*)`)
	argTrace  = regexp.MustCompile(`(?:(?:NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)=` + regexp.QuoteMeta(caPath) + `|SLIPWAY_RUN=\d{8}-\d{6}-[A-Z2-7]{6}) ?`)
	argCount  = regexp.MustCompile(`\|(\d+) `)
	lineBreak = regexp.MustCompile(`\\[ \t]*$`)
)

// rewrite changes the lines that begin an instruction of a Dockerfile: not those
// that continue one, nor those of a here-document, which may be SQL.
func rewrite(dockerfile string, change func(line string) string) string {
	lines := strings.Split(dockerfile, "\n")
	var continues bool
	var until string // the end of a here-document
	for i, line := range lines {
		text := strings.TrimSpace(line)
		if until != "" {
			if text == until {
				until = ""
			}
			continue
		}
		comment := strings.HasPrefix(text, "#")
		if !continues && !comment {
			lines[i] = change(line)
		}
		if comment || continues && text == "" {
			continue // neither ends the instruction that it stands in
		}
		continues = lineBreak.MatchString(line)
		if found := document.FindStringSubmatch(line); found != nil {
			until = found[1]
		}
	}
	return strings.Join(lines, "\n")
}

// underArgs gives the commands of all stages variables that stay in no image.
func underArgs(dockerfile string, args ...string) string {
	if len(args) == 0 {
		return dockerfile
	}
	return rewrite(dockerfile, func(line string) string {
		if fromLine.MatchString(line) {
			line += "\nARG " + strings.Join(args, "\nARG ")
		}
		return line
	})
}

// withoutArgs is a line of an image's history as it were without what is ours,
// and whether there was something of it.
func withoutArgs(createdBy string) (line string, found bool) {
	traces := len(argTrace.FindAllString(createdBy, -1))
	if traces == 0 {
		return createdBy, false
	}
	line = argTrace.ReplaceAllString(createdBy, "")
	line = argCount.ReplaceAllStringFunc(line, func(count string) string {
		n, err := strconv.Atoi(strings.Trim(count, "| "))
		if err != nil || n <= traces {
			return ""
		}
		return "|" + strconv.Itoa(n-traces) + " "
	})
	return line, true
}
