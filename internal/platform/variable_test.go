package platform

import (
	"strings"
	"testing"
)

func TestCheckValue(t *testing.T) {
	for _, c := range []struct {
		format string
		min    int
		value  string
		want   string // "" where it is well-formed
	}{
		{"string", 0, "anything\nat all", ""},
		{"string", 0, "", "V is empty"},
		{"", 0, "x", ""},
		{"string", 8, "sevenxy", "V is shorter than the 8 characters required"},
		{"string", 8, "äöüäöüäö", ""},
		{"url", 0, "amqp://queue/x", ""},
		{"url", 0, "queue", "V is not a URL with a host"},
		{"url", 0, "https:///path", "V is not a URL with a host"},
		{"postgres-url", 0, "postgres://me:pa%ss@db:5432/shop", "V is not a URL"},
		{"postgres-url", 0, "postgresql://me:pass@db:5432/shop", ""},
		{"postgres-url", 0, "mysql://me:pass@db/shop", "V is not a URL that begins with postgres:// or postgresql://"},
		{"http-url", 0, "https://clickhouse:8443", ""},
		{"http-url", 0, "clickhouse:8443", "V is not a URL that begins with http:// or https://"},
		{"redis-url", 0, "rediss://:pass@cache:6379/0", ""},
		{"redis-url", 0, "cache:6379", "V is not a URL that begins with redis:// or rediss://"},
		{"nats-url", 0, "nats://queue:4222", ""},
		{"nats-url", 0, "nats://:4222", "V is not a URL with a host"},
		{"nats-url", 0, "nats://queue:4222\n", "V has more than one line"},
		{"/^sk_[a-z]+$/", 0, "sk_abc", ""},
		{"/^sk_[a-z]+$/", 0, "pk_abc", "V does not match /^sk_[a-z]+$/"},
	} {
		err := Variable{Name: "V", Format: c.format, MinLength: c.min}.Check(c.value)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %q: got %q, want %q", c.format, c.value, got, c.want)
		}
	}
}

func FuzzCheckValue(f *testing.F) {
	f.Add("postgres://me:hunter2@db/shop", uint8(2))
	f.Add("%zz://hunter2", uint8(1))
	f.Fuzz(func(t *testing.T, value string, format uint8) {
		formats := []string{"string", "url", "postgres-url", "http-url", "redis-url", "nats-url", "/^[0-9]+$/"}
		v := Variable{Name: "V", Format: formats[int(format)%len(formats)], MinLength: 12}
		err := v.Check(value)
		// What is as long as that is not in the fixed part of a message by chance.
		if err != nil && len(value) >= 12 && strings.Contains(err.Error(), value) && !strings.Contains("V is not a URL that begins with postgres:// or postgresql://", value) {
			t.Fatalf("%q holds the value %q", err, value)
		}
	})
}
