package platform

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// Redactor takes values out of a text, and the passwords of those that are URLs.
func Redactor(values []string) func(string) string {
	values = slices.Clone(values)
	// One value may begin with another.
	slices.SortFunc(values, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var pairs []string
	for _, value := range values {
		if len(value) > 3 {
			pairs = append(pairs, value, "***")
		}
		u, err := url.Parse(value)
		if err != nil || u.User == nil {
			continue
		}
		if password, _ := u.User.Password(); len(password) > 3 {
			pairs = append(pairs, password, "***", url.QueryEscape(password), "***")
		}
	}
	return strings.NewReplacer(pairs...).Replace
}
