package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teei/slipway/internal/platform"
)

// Services of a group are updated at the same time; the first that fails ends
// the waiting for the others, and all go back.
func TestDeployTogether(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	apps := func(v string) []app {
		return []app{version("gateway", v), version("profile", v), version("buddy", v), version("cockpit", v)}
	}
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	deploy := func(apps ...app) (*Result, error) {
		o := s.options(apps...)
		o.Services[1].Group, o.Services[2].Group = 1, 1
		o.Deadline = 20 * time.Minute // nobody here can have waited for it
		return Deploy(ctx, o)
	}
	if _, err := deploy(apps("1")...); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, p := range s.progress {
		if (p.Phase == Applying || p.Phase == Healthy) && !strings.Contains(p.Service, "/") {
			order = append(order, string(p.Phase)+" "+p.Service)
		}
	}
	at := func(what string) int { return slices.Index(order, what) }
	if max(at("applying profile"), at("applying buddy")) > min(at("healthy profile"), at("healthy buddy")) ||
		at("healthy gateway") > at("applying profile") || max(at("healthy profile"), at("healthy buddy")) > at("applying cockpit") {
		t.Errorf("order: %v", order)
	}
	before := s.versions()
	broken := apps("2")
	broken[1] = broken[1].with("EXIT", "boom")
	broken[2] = broken[2].with("UNREADY", "1") // alone, it would take up to the deadline
	result, err := deploy(broken...)
	var failure *Failure
	if !errors.As(err, &failure) || failure.Service != "profile" || errors.Is(err, errOther) || ctx.Err() != nil {
		t.Fatalf("err = %v", err)
	}
	assertUndone(t, result, "profile", "buddy", "gateway")
	if now := s.versions(); fmt.Sprint(now) != fmt.Sprint(before) {
		t.Errorf("after the undo %v, before %v", now, before)
	}
}

// Hooks see the new image and the new configuration. One that fails before the
// service leaves it untouched, one that fails after it takes it back.
func TestDeployHooks(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.deploy(version("gateway", "1"), version("profile", "1"))
	script := func(text string) *Command {
		return &Command{Service: "profile", Args: []string{"node", "-e", text}, Timeout: time.Minute}
	}
	deploy := func(v string, before, after *Command) (*Result, error) {
		o := s.options(version("gateway", v), version("profile", v))
		o.Services[1].Before, o.Services[1].After = before, after
		return Deploy(t.Context(), o)
	}
	sees := script(`if (process.env.VERSION !== "2") { console.log("sees", process.env.VERSION); process.exit(1) }`)
	if _, err := deploy("2", sees, sees); err != nil {
		t.Fatal(err)
	}
	var hooks []string
	for _, p := range s.progress {
		if p.Phase == Hooking || p.Phase == Hooked {
			hooks = append(hooks, string(p.Phase)+" "+p.Detail)
		}
	}
	if got := strings.Join(hooks, ", "); got != "hooking before, hooked before, hooking after, hooked after" {
		t.Errorf("hooks: %s", got)
	}
	fails := script(`console.log("no cache to warm"); process.exit(5)`)
	for _, tt := range []struct {
		when          string
		before, after *Command
		undone        []string
	}{{"before", fails, nil, []string{"gateway"}}, {"after", nil, fails, []string{"profile", "gateway"}}} {
		result, err := deploy("3", tt.before, tt.after)
		var failure *Failure
		if !errors.As(err, &failure) || failure.ExitCode == nil || *failure.ExitCode != 5 || !slices.Contains(failure.Logs, "no cache to warm") ||
			!strings.Contains(failure.Reason, "hook "+tt.when) {
			t.Fatalf("%s: %v, %+v", tt.when, err, failure)
		}
		var undone []string
		for _, u := range result.Undone {
			if u.Service != "" {
				undone = append(undone, u.Service)
			}
		}
		if fmt.Sprint(undone) != fmt.Sprint(tt.undone) {
			t.Errorf("%s: taken back %v", tt.when, undone)
		}
	}
	if got := s.versions()["profile"]; got != "2 1/1" {
		t.Errorf("profile is %s", got)
	}
}

// counting answers like server, and every other request fails, which its metrics show.
const counting = `
const http = require("http");
let requests = 0, errors = 0;
http.createServer((q, s) => {
  if (q.url === "/metrics") return s.end("# TYPE hits counter\nhits{status=\"200\"} " + requests + "\n# TYPE misses counter\nmisses " + errors + "\n");
  if (q.url === "/work") { requests++; if (requests % 2) { errors++; s.statusCode = 500; } }
  s.end("ok");
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
`

// What the new pods' own metrics count while a service settles decides, once
// there were enough requests.
func TestDeployCountsErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		least int
		want  string
	}{{"too many errors", 10, "requests failed"}, {"too few requests", 1 << 20, ""}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.deploy(version("one", "1"))
			o := s.options(version("one", "2"))
			for _, obj := range o.Objects {
				if obj.GetKind() == "Deployment" {
					setCommand(obj.Object, counting)
				}
			}
			share := 0.2
			o.Settle, o.Metrics = 4*time.Second, &platform.Metrics{Path: "/metrics", Requests: "hits", Errors: "misses", MostErrors: &share, Least: tt.least}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			go s.ask(ctx)
			_, err := Deploy(t.Context(), o)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("err = %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || s.versions()["one"] != "1 1/1"):
				t.Errorf("err = %v, %v", err, s.versions())
			}
		})
	}
}

func setCommand(at map[string]any, script string) {
	spec := at["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	spec["containers"].([]any)[0].(map[string]any)["command"] = []any{"node", "-e", script}
}

// ask sends requests to all pods for as long as ctx lasts.
func (s *scene) ask(ctx context.Context) {
	for ctx.Err() == nil {
		answer, err := s.cluster.GetService(ctx, s.namespace, "one", "80", "/work")
		if err != nil || answer.Status == http.StatusServiceUnavailable {
			time.Sleep(50 * time.Millisecond) // there is no pod to answer yet
		}
	}
}
