package database

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestParseURL(t *testing.T) {
	a, err := ParseURL("postgres://us%40er:p%2Fa%3As%5Cs%27@db.example:6432/my%20db?sslmode=verify-full&schema=public&pgbouncer=true")
	if err != nil {
		t.Fatal(err)
	}
	if a.Host != "db.example" || a.Port != 6432 || a.User != "us@er" || a.Database != "my db" || a.password != `p/a:s\s'` {
		t.Errorf("%+v", a)
	}
	config, err := pgx.ParseConfig(a.dsn())
	if err != nil {
		t.Fatal(err)
	}
	if config.Password != a.password || config.Database != "my db" || config.TLSConfig == nil || len(config.RuntimeParams) > 2 {
		t.Errorf("%+v", config.RuntimeParams)
	}
	for verb, s := range map[string]string{"%v": fmt.Sprintf("%v", a), "%+v": fmt.Sprintf("%+v", a), "%#v": fmt.Sprintf("%#v", a), "%s": a.String()} {
		if strings.Contains(s, "s\\s") || strings.Contains(s, "p/a") {
			t.Errorf("%s shows the password: %s", verb, s)
		}
	}
	if moved := a.Through("tunnel", 1).On("other"); moved.String() != "other at tunnel:1" || a.Host != "db.example" {
		t.Errorf("%s, %s", moved, a)
	}
	again, err := ParseURL(a.URL())
	if err != nil || again.String() != a.String() || again.password != a.password {
		t.Errorf("not the same again: %v %v", again, err)
	}
}

// Both words for TLS may stand in a URL, in any order.
func TestParseURLOfTwoWordsForTLS(t *testing.T) {
	for query, want := range map[string]string{
		"ssl=true&sslmode=verify-full": "verify-full", "sslmode=disable&ssl=true": "disable",
		"ssl=true": "require", "ssl=1": "require", "ssl=false": "", "": "",
	} {
		for range 20 { // the parameters of a URL have no order of their own
			a, err := ParseURL("postgres://u:p@h/d?" + query)
			if err != nil || a.settings["sslmode"] != want {
				t.Fatalf("%q: sslmode %q, %v; want %q", query, a.settings["sslmode"], err, want)
			}
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for raw, says := range map[string]string{
		"":                                     "empty",
		"mysql://u:s3cret@h/d":                 "does not start with postgres://",
		"postgres://u:s3cret/x@h/d":            "not a valid URL",
		"postgres://u:s3cret%zz@h/d":           "not a valid URL",
		"postgres://u:s3cret@h:0/d":            "port",
		"postgres://u:s3cret@h:99999/d":        "port",
		"postgres://u:s3cret@/d":               "no host",
		"postgres://h/d":                       "no user",
		"postgres://u:s3cret@h":                "no database",
		"postgres://u:s3cret@h1,h2/d":          "several hosts",
		"postgres://u:s3cret@h1:1,h2:2/d":      "several hosts",
		"postgres://u:s3cret@h/d\nx":           "line break",
		"postgres://u:s3cret@h/d%00":           "zero byte",
		"u:s3cret@h/d":                         "does not start with",
		"host=h password=s3cret dbname=d":      "does not start with",
		"postgres://u:s3cret#@h/d":             "not a valid URL",
		"postgres://u:s3cret@h/d?sslmode=%zz1": "question mark",
	} {
		_, err := ParseURL(raw)
		wantError(t, err, BadURL, says)
		if strings.Contains(Redact(raw), "s3cret") {
			t.Errorf("Redact shows it: %s", Redact(raw))
		}
	}
}

func TestBadSettingDoesNotLeak(t *testing.T) {
	_, err := Ping(t.Context(), "postgres://u:s3cret@127.0.0.1/d?sslmode=nonsense")
	wantError(t, err, BadURL, "sslmode")
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "LOCALHOST": true, "127.0.0.1": true, "127.8.9.1": true, "[::1]": true, "10.0.0.1": false, "db": false, "localhost.example": false} {
		a, err := ParseURL("postgres://u@" + host + "/d")
		if err != nil || a.Loopback() != want {
			t.Errorf("%s: %v %v", host, a.Loopback(), err)
		}
	}
	a, err := ParseURL("postgres://u@/d?host=/run/postgresql&port=5433")
	if err != nil || !a.Loopback() || !a.Socket() || a.Port != 5433 {
		t.Errorf("%+v %v", a, err)
	}
}

func TestConnectsThroughASocket(t *testing.T) {
	raw := fmt.Sprintf("postgres://admin:s3cret@/postgres?host=%s&port=%d", strings.ReplaceAll(pg.dir, "/", "%2F"), pg.port)
	if s, err := Ping(t.Context(), raw); err != nil || s.Major < 15 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://u:s3cret@h/d":           "postgres://u:xxxxx@h:5432/d",
		"postgres://u@h/d":                  "postgres://u@h:5432/d",
		"postgres://u@h/d?password=s3cret":  "postgres://u:xxxxx@h:5432/d",
		"postgres://u:s3/cret@h/d":          "postgres://xxxxx",
		"redis://:s3cret@h":                 "redis://xxxxx",
		"nats://h:4222":                     "nats://h:4222",
		"s3cret":                            "xxxxx",
		"clickhouse://h?Password=s3cret&x=": "clickhouse://xxxxx",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}

// No input makes an error or a redacted URL show the password, and whatever is
// accepted means the same to the driver.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"postgres://u:PASSWORD@h:1/d", "postgres://u:x/PASSWORD@h/d?sslmode=disable", "postgresql://u:PASSWORD@[::1]/d", "postgres://u@h/d?password=PASSWORD", "postgres://u:a@b:PASSWORD@h/d#x", "postgres://u:PASSWORD%40@h/d'\\ "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := ParseURL(raw)
		if err != nil {
			if strings.Contains(err.Error(), "PASSWORD") {
				t.Errorf("leaks: %v", err)
			}
			return
		}
		config, err := pgx.ParseConfig(a.dsn())
		if err == nil && (config.Password != a.password && a.password != "" || config.User != a.User || config.Database != a.Database || config.Host != a.Host) {
			t.Errorf("the driver reads %q@%q/%q, not %q@%q/%q", config.User, config.Host, config.Database, a.User, a.Host, a.Database)
		}
		if again, err := ParseURL(a.URL()); err != nil || again.String() != a.String() || again.password != a.password || again.User != a.User {
			t.Errorf("%q does not come back: %v", a.String(), err)
		}
		if len(a.password) > 5 && !strings.Contains(a.User+a.Database+a.Host, a.password) && strings.Contains(Redact(raw), a.password) {
			t.Errorf("Redact shows the password")
		}
	})
}
