package platform

import (
	"cmp"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// hiddenAs stands where a secret was.
const hiddenAs = "***"

// Redactor takes values out of a text, and the passwords of those that are URLs: as
// they are, in base64 (also within something longer, such as Basic authentication),
// in hexadecimal, percent-encoded, and escaped as in JSON.
func Redactor(values []string) func(string) string {
	forms := formsOf(Secrets(values))
	longest := 0
	for _, f := range forms {
		longest = max(longest, len(f.text))
	}
	return func(text string) string {
		// What is put in may, with what is around it, be a secret once more.
		for range 4 {
			ranges := inPieces(text, forms, longest)
			if len(ranges) == 0 {
				break
			}
			text = replaced(text, ranges)
		}
		return text
	}
}

// onePiece is how much of a text is read at a time: all its readings together take
// some hundred times its memory.
const onePiece = 64 << 10

// inPieces are the places of secrets in a text of any length. The pieces overlap by
// more than the longest secret takes where each of its bytes is escaped.
func inPieces(text string, forms []form, longest int) (spans []span) {
	overlap := 16 * longest
	size := max(onePiece, 4*overlap)
	for from := 0; ; from += size - overlap {
		to := min(from+size, len(text))
		for _, s := range found(text[from:to], forms) {
			spans = append(spans, span{from + s.from, from + s.to})
		}
		if to == len(text) {
			return spans
		}
	}
}

// span is a part of a text.
type span struct{ from, to int }

// replaced puts three stars where the spans are.
func replaced(text string, spans []span) string {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	var out strings.Builder
	end := 0
	for i := 0; i < len(spans); {
		from, to := spans[i].from, spans[i].to
		for i++; i < len(spans) && spans[i].from <= to; i++ { // secrets may overlap
			to = max(to, spans[i].to)
		}
		out.WriteString(text[end:from])
		out.WriteString(hiddenAs)
		end = to
	}
	out.WriteString(text[end:])
	return out.String()
}

// found are the places of secrets in a text, in all its readings.
func found(text string, forms []form) (spans []span) {
	for _, r := range readings(text) {
		for _, p := range forms {
			if r.joined && (!p.encoded || len(p.text) < longEnough) {
				continue // what was put together by chance
			}
			spans = append(spans, r.spans(p)...)
		}
	}
	return append(spans, cutOff(text, forms)...)
}

// cutOff are the beginnings of secrets where a text was cut, and their ends behind it.
func cutOff(text string, forms []form) (spans []span) {
	const mark = "…"
	for at, looks := 0, 0; ; looks++ {
		i := strings.Index(text[at:], mark)
		if i < 0 || looks == 100 { // more cuts than that are somebody else's dots
			return spans
		}
		kept := strings.TrimRight(text[:at+i], " \n")
		at += i + len(mark)
		if n := begun(kept, forms); n > 0 {
			spans = append(spans, span{len(kept) - n, len(kept)})
		}
		rest := strings.TrimLeft(text[at:], " \n")
		if n := ended(rest, forms); n > 0 {
			spans = append(spans, span{len(text) - len(rest), len(text) - len(rest) + n})
		}
	}
}

// begun is how much of the longest secret stands at the end of a text, 0 for none.
func begun(text string, forms []form) (most int) {
	for _, f := range forms {
		for n := min(len(f.text)-1, len(text)); n > max(3, most); n-- {
			if strings.HasSuffix(text, f.text[:n]) {
				most = n
			}
		}
	}
	return most
}

// ended is how much of the longest end of a secret a text begins with, 0 for none.
func ended(text string, forms []form) (most int) {
	for _, f := range forms {
		for n := min(len(f.text)-1, len(text)); n > max(3, most); n-- {
			if strings.HasPrefix(text, f.text[len(f.text)-n:]) {
				most = n
			}
		}
	}
	return most
}

// longEnough is what is looked for over the ends of lines too, where tools break
// what they encode.
const longEnough = 16

// Secrets are what must not be shown of values: each that is long enough to be told
// from other text, the passwords of those that are URLs, and the longer lines of
// those that have several, the longest first.
func Secrets(values []string) (secrets []string) {
	for _, value := range values {
		if len(value) > 3 {
			secrets = append(secrets, value)
		}
		secrets = append(secrets, passwords(value)...)
		if lines := strings.Split(strings.TrimSpace(value), "\n"); len(lines) > 1 {
			for _, line := range lines {
				if line = strings.TrimSpace(line); len(line) >= 8 {
					secrets = append(secrets, line)
				}
			}
		}
	}
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return strings.Trim(s, "*") == "" })
	// One value may begin with another.
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return slices.Compact(secrets)
}

// passwords are those of a URL, as they are and as they stand in it.
func passwords(value string) (out []string) {
	u, err := url.Parse(value)
	if err != nil {
		return nil
	}
	if u.User != nil {
		if password, _ := u.User.Password(); len(password) > 3 {
			out = append(out, password, url.QueryEscape(password), url.PathEscape(password))
		}
	}
	if u.Scheme == "" {
		return out
	}
	for name, all := range u.Query() {
		for _, v := range all {
			if len(v) > 3 && strings.Contains(strings.ToLower(name), "passw") {
				out = append(out, v)
			}
		}
	}
	return out
}

// HeldSecrets are the values in what a Secret of the cluster holds that are secret
// enough to be taken out of logs. A word, a number or an address of a port is in
// many Secrets and in many lines; to hide it would make them unreadable. It is hidden
// all the same where its name says that it is a password.
func HeldSecrets(data map[string][]byte) (out []string) {
	for name, value := range data {
		text := strings.TrimSpace(string(value))
		out = append(out, held(name, text)...)
		out = append(out, leaves(text)...)
		for line := range strings.Lines(text) {
			if name, after, ok := strings.Cut(line, "="); ok { // of a file of variables
				out = append(out, held(name, strings.Trim(strings.TrimSpace(after), `"'`))...)
			}
		}
	}
	return out
}

// held is what is to be hidden of one value, by its name and by how it looks.
func held(name, value string) []string {
	out := passwords(value)
	if telling(value) || saysSecret.MatchString(name) && len(value) >= 6 && !guessable[strings.ToLower(value)] {
		out = append(out, value)
	}
	return out
}

// saysSecret matches names of what nobody else is to know.
var saysSecret = regexp.MustCompile(`(?i)pass|pwd|secret|token|credential|private|api_?key`)

// guessable are words that are set for a password where none is wanted, and that
// stand in many lines.
var guessable = map[string]bool{"password": true, "passwd": true, "postgres": true, "secret": true, "changeme": true, "default": true, "redis": true, "clickhouse": true, "example": true}

// telling reports whether a value is unlikely to be in a text by chance.
func telling(value string) bool {
	const digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyz"
	switch {
	case len(value) < 6, strings.Trim(strings.ToLower(value), letters+"-") == "" && len(value) < 16, strings.Trim(value, digits+".:") == "" && len(value) < 10:
		return false
	}
	return true
}

// leaves are the strings in a value in JSON, such as the credentials of a registry.
func leaves(text string) (out []string) {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil
	}
	var value any
	if json.Unmarshal([]byte(text), &value) != nil {
		return nil
	}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(name, inner)
			}
		case []any:
			for _, inner := range v {
				walk(name, inner)
			}
		case string:
			out = append(out, held(name, v)...)
		}
	}
	walk("", value)
	return out
}
