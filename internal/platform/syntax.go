package platform

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// The functions here say what is wrong with a value, and "" when nothing is.

var (
	labelPattern     = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	variablePattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	managerPattern   = regexp.MustCompile(`^(pnpm|npm|yarn)@\d+\.\d+\.\d+(-[\w.]+)?(\+[\w.]+)?$`)
	journalPattern   = regexp.MustCompile(`^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)?$`)
	imagePattern     = regexp.MustCompile(`^([a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?(:\d+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	repoPattern      = regexp.MustCompile(`^[a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	expansionPattern = regexp.MustCompile(`\$(\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)`)
)

// badLabel wants what Kubernetes takes as the name of a Service (DNS-1035),
// the strictest of all the places that a name ends up in.
func badLabel(s string) string {
	if labelPattern.MatchString(s) {
		return ""
	}
	return "expected a name of at most 63 lower-case letters, digits and hyphens that begins with a letter, found " + quote(s)
}

func isVariable(s string) bool { return variablePattern.MatchString(s) }

// badVariable does not repeat what it found: people paste the value, with its
// password, where the name belongs.
func badVariable(s string) string {
	if isVariable(s) {
		return ""
	}
	return "expected the name of a variable such as DATABASE_URL (letters, digits, _), not its value"
}

func badPackageManager(s string) string {
	if managerPattern.MatchString(s) {
		return ""
	}
	return "expected pnpm, npm or yarn with its exact version, such as pnpm@10.34.8, found " + quote(s)
}

func badImage(s string) string {
	if imagePattern.MatchString(s) {
		return ""
	}
	return "expected an image such as postgres:17 or ghcr.io/team/app:1.2, found " + quoteURL(s)
}

func badReference(s string) string {
	if message := badImage(s); message != "" {
		return message
	}
	if !strings.Contains(s, "@sha256:") {
		return "expected an image by digest, such as ghcr.io/team/app@sha256:…, found " + quote(s)
	}
	return ""
}

// badRegistry allows $NAME anywhere, for a registry that only the environment knows.
func badRegistry(s string) string {
	if strings.Contains(s, "://") {
		return "expected a registry such as ghcr.io/team without https://, found " + quoteURL(s)
	}
	if !repoPattern.MatchString(expansionPattern.ReplaceAllString(s, "x")) {
		return "expected a registry such as ghcr.io/team or $REGISTRY/team, found " + quoteURL(s)
	}
	return ""
}

// badURLPath wants a path on the service, to which host and port are added.
func badURLPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || !strings.HasPrefix(s, "/") || u.Host != "" || u.Fragment != "" || strings.ContainsAny(s, " \t\r\n") {
		return "expected a path such as /health, found " + quoteURL(s)
	}
	return ""
}

func badPath(s string) string {
	switch {
	case s == "" || strings.ContainsAny(s, "\x00\\"):
		return "expected a path with forward slashes, found " + quote(s)
	case path.IsAbs(s):
		return "expected a path relative to the folder of slipway.yaml, found " + quote(s)
	case escapes(s):
		return "expected a path inside the folder of slipway.yaml, found " + quote(s)
	}
	return ""
}

func escapes(s string) bool {
	s = path.Clean(s)
	return s == ".." || strings.HasPrefix(s, "../") || path.IsAbs(s)
}

// quoteURL hides what stands where a URL has its password.
func quoteURL(s string) string {
	if scheme, rest, ok := strings.Cut(s, "://"); ok {
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			s = scheme + "://…@" + rest[at+1:]
		}
	}
	return quote(s)
}

// ValidImage tells whether s can be an image in slipway.yaml.
func ValidImage(s string) bool { return badImage(s) == "" }

// ValidHealth tells whether s can be a health path in slipway.yaml.
func ValidHealth(s string) bool { return badURLPath(s) == "" }

// ValidVariable tells whether s can be the name of a variable.
func ValidVariable(s string) bool { return isVariable(s) }

// ValidPort tells whether a service can listen on the port.
func ValidPort(port int) bool { return port >= 1 && port <= 65535 }
