package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestAccept: what slipway.yaml says for an environment tries what runs there, each
// time anew, with the secrets that it names and none of the environment's own.
func TestAccept(t *testing.T) {
	t.Parallel()
	c, b := tiny(t), newBeacon(t)
	var tried atomic.Int32
	go func() {
		for {
			conn, err := b.listener.Accept()
			if err != nil {
				return
			}
			tried.Add(1)
			_ = conn.Close()
		}
	}()
	name, port := b.address()
	replace(t, c.root, "slipway.yaml", "    registry:", `    acceptance:
      run: bash -c '[ -z "$DATABASE_URL" ] && [ "$PASSWORD" = of-the-guest ] && echo "$PASSWORD signs in" && exec 3<>/dev/tcp/$ADDRESS'
      env: {ADDRESS: `+name+`/`+port+`}
      secrets: [PASSWORD]
    registry:`)
	if code, output, _ := c.launch(t, "accept").ends(2 * time.Minute); code != exitUsage || !strings.Contains(output, "lacks PASSWORD") {
		t.Errorf("without its secret: exit code %d\n%s", code, output)
	}
	c.env = append(c.env, "PASSWORD=of-the-guest")
	for range 2 {
		code, output, r := c.launch(t, "accept", "--verbose").ends(2 * time.Minute)
		if code != exitFine || statuses(r) != "accept passed" || strings.Contains(output, "of-the-guest") {
			t.Fatalf("exit code %d, %s\n%s", code, statuses(r), output)
		}
	}
	if got := tried.Load(); got != 2 {
		t.Errorf("it was tried %d times, want 2", got)
	}
	replace(t, c.root, "slipway.yaml", "exec 3<>/dev/tcp/$ADDRESS", "exit 7")
	code, output, r := c.launch(t, "accept").ends(2 * time.Minute)
	if code != exitFailed || statuses(r) != "accept failed" || !strings.Contains(output, "accept failed with exit code 7") {
		t.Errorf("exit code %d, %s\n%s", code, statuses(r), output)
	}
}
