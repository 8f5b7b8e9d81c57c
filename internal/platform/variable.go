package platform

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// schemes that each format of a URL allows.
var schemes = map[string][]string{
	"url":          nil,
	"postgres-url": {"postgres", "postgresql"},
	"http-url":     {"http", "https"},
	"redis-url":    {"redis", "rediss"},
	"nats-url":     {"nats", "tls"},
}

// Formats that a variable can have, beside a regular expression between slashes.
func Formats() []string { return append([]string{"string"}, sortedKeys(schemes)...) }

func badFormat(s string) string {
	if _, ok := schemes[s]; ok || s == "string" {
		return ""
	}
	if pattern, ok := pattern(s); ok {
		if _, err := regexp.Compile(pattern); err != nil {
			return "expected a regular expression between slashes: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		}
		return ""
	}
	return "expected a format (string, url, postgres-url, http-url, redis-url, nats-url or /regular expression/), found " + quote(s)
}

func pattern(format string) (string, bool) {
	if len(format) < 2 || format[0] != '/' || format[len(format)-1] != '/' {
		return "", false
	}
	return format[1 : len(format)-1], true
}

// Check tells what is wrong with a value of the variable. The error never
// contains the value, nor any part of it: it may be a password.
func (v Variable) Check(value string) error {
	if value == "" {
		return fmt.Errorf("%s is empty", v.Name)
	}
	if strings.ContainsAny(value, "\x00\r\n") && v.Format != "" && v.Format != "string" {
		return fmt.Errorf("%s has more than one line", v.Name)
	}
	if n := utf8.RuneCountInString(value); n < v.MinLength {
		return fmt.Errorf("%s is shorter than the %d characters required", v.Name, v.MinLength)
	}
	if pattern, ok := pattern(v.Format); ok {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return fmt.Errorf("check %s: %s is not a regular expression", v.Name, v.Format)
		}
		if !re.MatchString(value) {
			return fmt.Errorf("%s does not match %s", v.Name, v.Format)
		}
		return nil
	}
	if allowed, ok := schemes[v.Format]; ok {
		return v.checkURL(value, allowed)
	}
	return nil
}

func (v Variable) checkURL(value string, allowed []string) error {
	u, err := url.Parse(value)
	if err != nil {
		return fmt.Errorf("%s is not a URL", v.Name) // err holds the value
	}
	if len(allowed) > 0 && !slices.Contains(allowed, u.Scheme) {
		return fmt.Errorf("%s is not a URL that begins with %s://", v.Name, strings.Join(allowed, ":// or "))
	}
	if u.Scheme == "" || u.Host == "" || u.Hostname() == "" && !strings.HasPrefix(v.Format, "postgres") {
		return fmt.Errorf("%s is not a URL with a host", v.Name)
	}
	return nil
}
