package platform

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// Redactor takes values out of a text, and the passwords of those that are URLs.
func Redactor(values []string) func(string) string {
	var pairs []string
	for _, secret := range Secrets(values) {
		pairs = append(pairs, secret, "***")
	}
	return strings.NewReplacer(pairs...).Replace
}

// Secrets are what must not be shown of values: each that is long enough to be told
// from other text, and the passwords of those that are URLs, the longest first.
func Secrets(values []string) (secrets []string) {
	values = slices.Clone(values)
	// One value may begin with another.
	slices.SortFunc(values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, value := range values {
		if len(value) > 3 {
			secrets = append(secrets, value)
		}
		u, err := url.Parse(value)
		if err != nil || u.User == nil {
			continue
		}
		if password, _ := u.User.Password(); len(password) > 3 {
			secrets = append(secrets, password, url.QueryEscape(password), url.PathEscape(password))
		}
	}
	return secrets
}
