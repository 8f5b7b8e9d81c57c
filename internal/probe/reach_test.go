package probe

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/testenv/testenv"
)

func TestReachRealServers(t *testing.T) {
	values := testenv.Env(t)
	for kind, variable := range map[string]string{"postgres": "DATABASE_URL", "clickhouse": "CLICKHOUSE_URL", "redis": "REDIS_URL", "nats": "NATS_URL"} {
		t.Run(kind, func(t *testing.T) {
			if took, err := Reach(t.Context(), kind, values[variable], time.Minute); err != nil || took <= 0 {
				t.Errorf("%s, %v", took, err)
			}
		})
	}
}

func TestReachWrongPassword(t *testing.T) {
	u, err := url.Parse(testenv.Env(t)["DATABASE_URL"])
	if err != nil {
		t.Fatal("DATABASE_URL is not a URL")
	}
	u.User = url.UserPassword("teei", "wrong-pass%word")
	_, err = Reach(t.Context(), "postgres", u.String(), time.Minute)
	if err == nil || !strings.Contains(err.Error(), "password authentication failed") || strings.Contains(err.Error(), "wrong-pass") {
		t.Errorf("err = %v", err)
	}
}

// No error may contain what is secret in an address, whatever is wrong with it.
func TestReachHidesCredentials(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	schemes := map[string]string{"postgres": "postgres", "clickhouse": "http", "redis": "redis", "nats": "nats"}
	for kind, scheme := range schemes {
		for name, address := range map[string]string{
			"nobody listens":     scheme + "://user:hunter2@127.0.0.1:1/db",
			"nobody answers":     scheme + "://user:hunter2@" + silent.Addr().String() + "/db",
			"no such host":       scheme + "://user:hunter2@no-such-host.invalid:99/db",
			"port is a word":     scheme + "://user:hunter2@host:hunter2/db",
			"password unescaped": scheme + "://user:hunter2@%zz@host/db",
			"another scheme":     "ftp://user:hunter2@127.0.0.1:1/db?hunter2=1",
			"no host":            "hunter2",
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				_, err := Reach(t.Context(), kind, address, 500*time.Millisecond)
				if err == nil {
					t.Fatal("no error")
				}
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the password is in: %v", err)
				}
				if took := time.Since(start); took > 30*time.Second {
					t.Errorf("took %s", took)
				}
				var failed *ReachError
				if name == "nobody listens" && (!errors.As(err, &failed) || failed.Host != "127.0.0.1:1" || !strings.Contains(err.Error(), kind+" at 127.0.0.1:1")) {
					t.Errorf("err = %v", err)
				}
			})
		}
	}
}
