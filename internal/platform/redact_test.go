package platform

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// encoders are the forms in which programs write what they were given.
var encoders = map[string]func(string) string{
	"plain":            func(s string) string { return s },
	"base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 raw":       func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64 url":       func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"Basic":            func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+s)) },
	"base64 after one": func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s + "y")) },
	"base64 after two": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("xy" + s + "yz")) },
	"hex":              func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":              func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"query":            url.QueryEscape,
	"path":             url.PathEscape,
	"percent": func(s string) string {
		var out strings.Builder
		for _, b := range []byte(s) {
			fmt.Fprintf(&out, "%%%02x", b)
		}
		return out.String()
	},
	"JSON": func(s string) string { data, _ := json.Marshal(s); return string(data) },
	"JSON in JSON": func(s string) string {
		data, _ := json.Marshal(s)
		data, _ = json.Marshal(string(data))
		return string(data)
	},
	"%q":                func(s string) string { return fmt.Sprintf("%q", s) },
	"%+q":               func(s string) string { return fmt.Sprintf("%+q", s) },
	"base64 in a query": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
	"base64 in lines": func(s string) string {
		text := base64.StdEncoding.EncodeToString([]byte(s))
		var lines []string
		for chunk := range slices.Chunk([]byte(text), 12) {
			lines = append(lines, string(chunk))
		}
		return strings.Join(lines, "\n")
	},
}

// A secret is hidden in each form that a program may write it in, and what is beside
// it stays.
func TestRedactorKnowsForms(t *testing.T) {
	for _, secret := range []string{"s3cr3t-with/slash+plus=", `quo"te\back<&>`, "pässwörd ünd", "correct horse battery staple", "p@ss:w0rd?x=1&y#z", "0123456789abcdefghijklmnop"} {
		redact := Redactor([]string{secret, "another-value"})
		for name, encode := range encoders {
			text := "before " + encode(secret) + " after"
			got := redact(text)
			if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || !strings.Contains(got, "***") {
				t.Errorf("%s of %q: %s", name, secret, got)
			}
			if left := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(got, "before "), " after"), `*"\ `); len(left) > 12 { // "Basic dXNlcj"
				t.Errorf("%s of %q leaves %q", name, secret, left)
			}
		}
	}
}

func TestRedactor(t *testing.T) {
	for name, tt := range map[string]struct {
		values         []string
		text, redacted string
	}{
		"password of a URL":       {[]string{"postgres://user:p%40ss-word@db/x"}, "user logs in with p@ss-word or p%40ss-word", "user logs in with *** or ***"},
		"password in a query":     {[]string{"postgres://db/x?user=u&password=hunter22"}, "with hunter22", "with ***"},
		"Basic":                   {[]string{"pass"}, "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic dXNlcj***"},
		"secrets that overlap":    {[]string{"abcdef", "defghi"}, "x abcdefghi x", "x *** x"},
		"one begins with another": {[]string{"abcd", "abcdef"}, "abcdef abcd", "*** ***"},
		"lines of a key":          {[]string{"-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"}, "line 2: kqhkiG9w0BAQEF", "line 2: ***"},
		"too short to be told":    {[]string{"abc", ""}, "abc is not hidden", "abc is not hidden"},
		"nothing but stars":       {[]string{"****"}, "**** stays", "**** stays"},
		"broken escapes":          {[]string{"secret"}, `%s %zz %4 \u12 \x1 \ secret`, `%s %zz %4 \u12 \x1 \ ***`},
		"cut in its middle":       {[]string{"long-secret"}, "it says long-sec …", "it says *** …"},
		"cut at its front":        {[]string{"long-secret"}, "… ecret it says … secret", "… *** it says … ***"},
		"cut between lines":       {[]string{"long-secret"}, "long-se\n…\ng-secret\n", "***\n…\n***\n"},
		"words that run together": {[]string{"secret"}, "sec ret stays", "sec ret stays"},
	} {
		if got := Redactor(tt.values)(tt.text); got != tt.redacted {
			t.Errorf("%s: %q, want %q", name, got, tt.redacted)
		}
	}
}

// A long log is read in pieces, and what lies across two of them is found.
func TestRedactorOfALongText(t *testing.T) {
	const secret = "s3cr3t-with/slash+plus="
	redact := Redactor([]string{secret})
	line := `{"url":"https:\/\/x.y\/a%2Fb%252Fc","msg":"he said \"hi \\\"there\\\" \n\" and more"}` + "\n"
	text := strings.Repeat(line, 2<<20/len(line))
	var before, after runtime.MemStats
	for name, encode := range encoders {
		for at := onePiece - 60; at < onePiece; at += 25 {
			got := redact(strings.Repeat(".", at) + " " + encode(secret) + " " + strings.Repeat(".", 4096))
			if !strings.Contains(got[at:], hiddenAs) || strings.Contains(got, encode(secret)) {
				t.Fatalf("%s at %d: %s", name, at, got[at-40:at+100])
			}
		}
	}
	runtime.ReadMemStats(&before)
	redact(text)
	runtime.ReadMemStats(&after)
	if grown := (after.Sys - before.Sys) >> 20; grown > 200 {
		t.Errorf("%d MiB for a log of 2 MiB", grown)
	}
}

// Of what a Secret holds, what would make every log unreadable is not taken out.
func TestHeldSecrets(t *testing.T) {
	held := HeldSecrets(map[string][]byte{
		"LOG_LEVEL": []byte("info"), "NODE_ENV": []byte("production"), "PORT": []byte("5432"), "TOKEN": []byte("ghp_A1b2C3d4"),
		"DATABASE_URL": []byte("postgres://app:hunter22@db/app"), ".env": []byte("A=1\nAPI_KEY=\"k-998877\"\n"),
		"DB_PASSWORD": []byte("correcthorse"), "REDIS_PASSWORD": []byte("redis"), "words.env": []byte("ADMIN_TOKEN=opensesame\n"), "GREETING": []byte("welcome"),
		".dockerconfigjson": []byte(`{"auths":{"r.io":{"username":"ci","password":"regpass1"}}}`),
	})
	for _, want := range []string{"ghp_A1b2C3d4", "hunter22", "k-998877", "regpass1", "postgres://app:hunter22@db/app", "correcthorse", "opensesame"} {
		if !slices.Contains(held, want) {
			t.Errorf("%q is not among them: %q", want, held)
		}
	}
	for _, no := range []string{"info", "production", "5432", "1", "ci", "redis", "welcome"} {
		if slices.Contains(held, no) {
			t.Errorf("%q is hidden", no)
		}
	}
}

// FuzzRedactor: whatever a secret is and is written in, nothing of it is left that
// could be read again.
func FuzzRedactor(f *testing.F) {
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range encoders {
			if !yield(name) {
				return
			}
		}
	})
	for i := range names {
		f.Add("p@ss w0rd/%41\\n", "user: ", " \\ tail", byte(i))
	}
	f.Fuzz(func(t *testing.T, secret, before, after string, form byte) {
		if len(secret) < 6 || len(secret) > 200 || strings.Contains(secret, "*") || strings.ContainsRune(secret, '\uFFFD') || strings.ToValidUTF8(secret, "") != secret {
			t.Skip()
		}
		if strings.ContainsAny(before[max(0, len(before)-10):], `%\`) {
			t.Skip() // an escape that begins before it: nobody can tell which was meant
		}
		name := names[int(form)%len(names)]
		if name == "base64 in lines" && len(secret) < 20 {
			t.Skip() // too short to be told from words
		}
		text := before + encoders[name](secret) + after
		got := Redactor([]string{secret})(text)
		if strings.Contains(got, secret) {
			t.Errorf("%s: %q in %q", name, secret, got)
		}
		if !strings.Contains(got, "***") {
			t.Errorf("%s of %q was not found in %q: %q", name, secret, text, got)
		}
		if left := found(got, formsOf(Secrets([]string{secret}))); len(left) > 0 {
			t.Errorf("%s: of %q is left in %q: %v", name, secret, got, left)
		}
	})
}
