package main

import (
	"encoding/base64"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/teei/slipway/internal/database"
	"github.com/teei/slipway/internal/report"
	"github.com/teei/slipway/testenv/testenv"
)

// canary is in each secret of the test, and nowhere else.
const canary = "canary"

const metricsURL = "http://me:canary-p%2Fw@127.0.0.1:1"

// secretPlatform names a secret wherever slipway.yaml can name one.
const secretPlatform = `
database: {url: DATABASE_URL, migrate: pnpm db:migrate, migrations: migrations}
variables: [{name: SHOP_SECRET}, {name: PROMETHEUS_URL}]
verify: {settle: 0s, metrics: {prometheus: PROMETHEUS_URL, during: 1s}}
environments:
  ENVIRONMENT:
    namespace: NAMESPACE
    kubeconfig: TEST_KUBECONFIG
    github: {environment: production, deployments: true, issues: true, feedback: feedback}
    notify: [{name: team, kind: slack, url: SLACK_URL}, {name: board, url: HOOK_URL, secret: HOOK_KEY}]
`

// secretGate is what only some commands meet.
const secretGate = `    gate:
      workflow: .github/workflows/production.yml
      approvals: [{name: leadership, users: [vera]}]
      onCall: {url: ONCALL_URL, authorization: ONCALL_KEY, path: a.b}
      rollback: {workflow: .github/workflows/rollback.yml, approvals: [{name: on call, users: [tom]}]}
`

// everyCommand is each of slipway's commands, with what lets it come far.
var everyCommand = []string{
	"plan --images images.json", // first: others read it
	"adopt", "apply --approval 0000", "backup", "checks --report report.json", "compare --base .", "doctor", "doctor --github", "gate", "ledger move --yes",
	"gate serve --repository acme/platform --listen 127.0.0.1:0 --observe 127.0.0.1:0", "init", "preflight", "release 2", "release 2 --json", "release 2 --html release.html", "release 1 --sign record.json",
	"releases", "resume", "rollback --database . --accept-loss", "status", "unlock --reason why", "verify", "version", "watch",
}

// anywhere are those that know no environment.
var anywhere = []string{"checks", "gate serve", "init", "version"}

// TestSecretsAreNeverShown runs every command with secrets that work for nobody, in
// all that can be wrong with them, and looks for them in all that is printed,
// written, sent and recorded.
func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	told := &listener{}
	hook := httptest.NewServer(told)
	t.Cleanup(hook.Close)
	url := testenv.Database(t)
	c := newCheckout(t)
	c.knowsSecrets("")
	c.write("migrations/meta/_journal.json", `{"version": "7", "dialect": "postgresql", "entries": []}`)
	c.set(map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": filepath.Join(c.dir, "summary"), "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_REPOSITORY": "acme/platform", "GITHUB_SERVER_URL": "https://github.com",
		"GITHUB_API_URL": "http://127.0.0.1:1", "GITHUB_TOKEN": "canary-token", "SLIPWAY_SIGNING_KEY": "canary-signing-key", "SLIPWAY_BACKUP_KEY": "AGE-SECRET-KEY-1CANARY", "SLIPWAY_WEBHOOK_SECRET": "canary",
		"DATABASE_URL": url, "SHOP_SECRET": "canary-of-the-shop", "PROMETHEUS_URL": metricsURL,
		"SLACK_URL": "http://127.0.0.1:1/canary-slack", "HOOK_URL": hook.URL + "/canary-hook", "HOOK_KEY": "canary-hook-key", "ONCALL_URL": "http://127.0.0.1:1/canary-schedule", "ONCALL_KEY": "canary-schedule-key",
	})
	c.fails(url)
	usual := slices.Clone(c.variables)
	for name, variables := range c.wrongs(url) {
		gates := []string{"", secretGate}
		if variables["TEST_KUBECONFIG"] != "" {
			gates = gates[:1] // nobody comes that far
		}
		for _, gate := range gates {
			c.variables = slices.Clone(usual)
			c.set(variables)
			c.knowsSecrets(gate)
			c.holds(c.says(everyCommand[0]), name+": "+everyCommand[0])
			var work errgroup.Group
			work.SetLimit(8) // most of them wait for somebody who does not answer
			for _, command := range everyCommand[1:] {
				work.Go(func() error {
					c.holds(c.says(command), name+": "+command)
					return nil
				})
			}
			_ = work.Wait()
		}
	}
	c.nothingKept(told.text())
	for _, name := range commandNames(command(), "") {
		if !slices.ContainsFunc(everyCommand, func(command string) bool { return strings.HasPrefix(command+" ", name+" ") }) {
			t.Errorf("nobody looks at what %s shows", name)
		}
	}
}

// knowsSecrets writes a platform that has them wherever there can be one.
func (c *checkout) knowsSecrets(gate string) {
	c.Helper()
	before, _, _ := strings.Cut(anothersRepository["slipway.yaml"], "verify:")
	c.write("slipway.yaml", before+secretPlatform+gate)
}

// fails releases, and then a release fails while its pods say all they know. Its
// backup is there, encrypted for somebody else.
func (c *checkout) fails(url string) {
	c.Helper()
	began, backup := time.Now(), c.backup(url)
	if err := (report.Report{Platform: "shop", Target: c.environment, Started: &began, Backup: &backup}).WriteJSON(filepath.Join(c.dir, "report.json")); err != nil {
		c.Fatal(err)
	}
	c.release("old")
	broken := strings.ReplaceAll(cancelledManifest, "$version", "new")
	at := strings.Index(broken, "'process.on")
	c.write("deploy.yaml", strings.Replace(broken[:at], "env: [", `env: [{name: SECRET, value: canary-of-the-shop}, {name: METRICS, value: "`+metricsURL+`"}, `, 1)+
		`'const {password} = new URL(process.env.METRICS); console.error("no database with " + process.env.SECRET + ", " + password + " or " + decodeURIComponent(password)); process.exit(3)']`+"\n")
	c.slipway(0, "plan", "--images", "images.json", "--report", "report.json")
	c.holds(c.slipway(1, "apply", "--approval", approvalIn(c.T, filepath.Join(c.dir, "outputs"))), "apply")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		c.Fatal(err)
	}
	if err := database.Seal(backup.Path, filepath.Join(c.dir, ".slipway", "backup"), []string{key.Recipient().String()}); err != nil {
		c.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(backup.Path)); err != nil {
		c.Fatal(err)
	}
}

// wrongs are the ways in which secrets can be wrong.
func (c *checkout) wrongs(right string) map[string]map[string]string {
	c.Helper()
	password, err := url.Parse(right)
	if err != nil {
		c.Fatal(err)
	}
	password.User = url.UserPassword(password.User.Username(), "canary/pass word")
	text := read(c.T, testenv.Env(c)["KUBECONFIG"])
	kubeconfig := func(text string) map[string]string {
		file := filepath.Join(c.TempDir(), "kubeconfig")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			c.Fatal(err)
		}
		return map[string]string{"TEST_KUBECONFIG": file}
	}
	return map[string]map[string]string{
		"as it is":               {},
		"wrong password":         {"DATABASE_URL": password.String()},
		"no such host":           {"DATABASE_URL": "postgres://me:canary-pw@no-such-host.invalid/shop", "HOOK_URL": "http://no-such-host.invalid/canary-hook", "GITHUB_API_URL": "http://me:canary-pw@no-such-host.invalid"},
		"no addresses":           {"DATABASE_URL": "postgres://me:canary%zz@/shop", "HOOK_URL": "http://[canary", "SLACK_URL": "canary", "PROMETHEUS_URL": "canary:canary", "ONCALL_URL": "http://[canary", "GITHUB_API_URL": "http://[canary"},
		"an App that is none":    {"SLIPWAY_APP_ID": "7canary", "SLIPWAY_APP_KEY": "-----BEGIN RSA PRIVATE KEY-----\nY2FuYXJ5\ncanary\n-----END RSA PRIVATE KEY-----"},
		"a bundle that is none":  {"SLIPWAY_VARIABLES": "SHOP_SECRET=canary-one\ncanary two\n"},
		"kubeconfig, no YAML":    kubeconfig("apiVersion: v1\nkind: Config\nusers:\n- name: me\n  user: {token: canary-token\n"),
		"kubeconfig, wrong type": kubeconfig("apiVersion: v1\nkind: Config\nusers: canary-token\n"),
		"kubeconfig, no key":     kubeconfig(strings.NewReplacer("client-key-data: ", "client-key-data: Y2FuYXJ5 #", "token: ", "token: canary-").Replace(text)),
		"kubeconfig, no server": kubeconfig(`{"apiVersion": "v1", "kind": "Config", "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
			"clusters": [{"name": "x", "cluster": {"server": "https://me:canary-pw@127.0.0.1:1"}}], "users": [{"name": "x", "user": {"token": "canary-token"}}]}`),
		"kubeconfig, its text": {"TEST_KUBECONFIG": "apiVersion: v1\nkind: Config\nusers:\n- user: {token: canary-token}\n"},
	}
}

// set sets variables of the shell; the last one of a name counts.
func (c *checkout) set(variables map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		c.variables = append(c.variables, name+"="+variables[name])
	}
}

// says is all that a command says, however it ends.
func (c *checkout) says(command string) string {
	cmd := c.command(strings.Fields(command)...)
	if slices.ContainsFunc(anywhere, func(name string) bool { return strings.HasPrefix(command, name) }) {
		cmd.Args = append(cmd.Args[:1], strings.Fields(command)...)
	}
	ended := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer ended.Stop()
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// holds fails where a secret is in what was said. What the runner is told to mask
// is the one place where it belongs.
func (c *checkout) holds(out, doing string) {
	c.Helper()
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "::add-mask::") && shows(line) {
			c.Errorf("%s shows a secret: %s", doing, line)
		}
	}
}

// shows looks for the canary as it is, and in Base64 at each of its three offsets.
func shows(text string) bool {
	if strings.Contains(strings.ToLower(text), canary) {
		return true
	}
	for _, before := range []string{"", "-", "--"} {
		encoded := base64.StdEncoding.EncodeToString([]byte(before + canary))
		if len(before) > 0 {
			encoded = encoded[4:]
		}
		if strings.Contains(text, encoded[:4]) && strings.Contains(text, strings.TrimRight(encoded, "=")) {
			return true
		}
	}
	return false
}

// nothingKept looks into all that the commands wrote and sent, and what the ledger has.
func (c *checkout) nothingKept(told string) {
	c.Helper()
	if told == "" || shows(told) {
		c.Errorf("a message has a secret: %s", told)
	}
	err := filepath.WalkDir(c.dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains([]string{"slipway", "deploy.yaml"}, entry.Name()) {
			return err // the program, and what has the secret itself
		}
		if text := read(c.T, file); shows(text) {
			c.Errorf("%s has a secret:\n%.2000s", strings.TrimPrefix(file, c.dir), text)
		}
		return nil
	})
	if err != nil {
		c.Error(err)
	}
	book := testenv.Kubectl(c, "--namespace", c.owner().Ledger(), "get", "configmaps,secrets,leases,events", "--output", "json")
	if !strings.Contains(book, "release-000002") || shows(book) {
		c.Errorf("the ledger has a secret, or nothing:\n%.4000s", book)
	}
}

func commandNames(cmd *cobra.Command, before string) (names []string) {
	for _, sub := range cmd.Commands() {
		name := strings.TrimSpace(before + " " + sub.Name())
		names = append(append(names, name), commandNames(sub, name)...)
	}
	return names
}

// listener keeps what it is sent.
type listener struct {
	mu   sync.Mutex
	sent strings.Builder
}

func (l *listener) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent.Write(body)
}

func (l *listener) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent.String()
}
