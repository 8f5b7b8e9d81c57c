package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/internal/probe"
	"github.com/teei/slipway/testenv/testenv"
)

// freePort is one of this machine that nobody uses, below those that the kernel
// gives to connections: dev takes it minutes later.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		if listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// developed is the second sample with ports that are free and a migration.
func developed(t *testing.T) (root string, board, tickets int) {
	t.Helper()
	root, board, tickets = another(t), freePort(t), freePort(t)
	replace(t, root, "slipway.yaml", "4102", strconv.Itoa(board))
	replace(t, root, "slipway.yaml", "4101", strconv.Itoa(tickets))
	// board says one line that is an error, and where it finds tickets is no news.
	replace(t, root, "slipway.yaml", "dev: npm start --workspace @helpdesk/board", "dev: "+strconv.Quote(fmt.Sprintf(
		`echo '{"level":"error","message":"on purpose"}'; TICKETS_URL=http://127.0.0.1:%d exec npm start --workspace @helpdesk/board`, tickets)))
	replace(t, root, "slipway.yaml", "\nvariables:", "\n"+"database: {migrate: node migrations/apply.js, migrations: migrations}\n\nvariables:")
	write(t, root, "migrations/meta/_journal.json", `{"entries":[]}`)
	write(t, root, "migrations/apply.js", `import postgres from 'postgres';
const sql = postgres(process.env.DATABASE_URL);
await sql`+"`create table migrated as select 'once' as word`"+`;
await sql.end();
`)
	return root, board, tickets
}

// row waits for the line of the table that says so of what listens there.
func (p *process) row(port int, health, errors string) {
	p.t.Helper()
	for {
		columns := strings.Fields(p.says(fmt.Sprintf("localhost:%d ", port)))
		if len(columns) == 5 && columns[2] == health && columns[3] == errors {
			return
		}
	}
}

// usualPorts are those of the servers on this machine: dev is there once at a time.
var usualPorts sync.Mutex

// From the first port to Ctrl-C: servers, migrations and services on this
// machine's ports, the table of them, and nothing left of it.
func TestDev(t *testing.T) {
	t.Parallel()
	root, board, tickets := developed(t)
	usualPorts.Lock()
	defer usualPorts.Unlock()
	p := launch(t, nil, "dev", "--root", root)
	p.row(board, "healthy", "1")
	p.says("Ctrl-C stops all of it")

	// Through both services, into the database that this machine sees as well.
	answer, err := http.Post(fmt.Sprintf("http://localhost:%d/tickets", board), "application/json", strings.NewReader(`{"title":"from outside"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	var opened struct{ Title string }
	if err := json.Unmarshal(text, &opened); err != nil || answer.StatusCode != http.StatusCreated || opened.Title != "from outside" {
		t.Errorf("%s: %s, %v", answer.Status, text, err)
	}
	file := filepath.Join(p.folder, "dev.env")
	values, err := platform.ReadEnvFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("dev.env is for %v, %v", info.Mode(), err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	conn, err := pgx.Connect(ctx, values["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var word, title string
	if err := conn.QueryRow(ctx, "SELECT word, title FROM migrated, helpdesk.tickets").Scan(&word, &title); err != nil || word != "once" || title != "from outside" {
		t.Errorf("%q, %q, %v", word, title, err)
	}

	p.interrupt()
	code, output, r := p.ends(soon)
	if got := statuses(r); code != exitFine || got != "dev passed" {
		t.Errorf("exit code %d, %s\n%s", code, got, output)
	}
	if err := portsFree(t.Context(), []devPort{{"board", board, ""}, {"tickets", tickets, ""}, {"postgres", 5432, "postgres"}}); err != nil {
		t.Errorf("after its end: %v", err)
	}
	if conn.Ping(ctx) == nil {
		t.Error("its database still answers")
	}
	if log, err := os.ReadFile(filepath.Join(p.folder, "logs", "dev", "board.log")); err != nil || !strings.Contains(string(log), "on purpose") {
		t.Errorf("the log of board is %q, %v", log, err)
	}
}

// The sample as somebody who works on it sees it: eleven services and four
// servers, each on its own port, and its users' flows through the gateway.
func TestDevOfTheSample(t *testing.T) {
	t.Parallel()
	root := sample(t)
	sampled, err := platform.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	usualPorts.Lock()
	defer usualPorts.Unlock()
	p := launch(t, nil, "dev", "--root", root)
	ports := (&pipeline{platform: sampled}).devPorts()
	for _, port := range ports {
		p.row(port.number, "healthy", "0")
	}
	p.says("Ctrl-C stops all of it")
	for _, flow := range sampled.Flows {
		i := slices.IndexFunc(sampled.Services, func(s platform.Service) bool { return s.Name == flow.Service })
		base := fmt.Sprintf("http://localhost:%d", sampled.Services[i].Port)
		if _, err := probe.Flow(t.Context(), http.DefaultTransport, base, flow); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
	p.interrupt()
	code, output, r := p.ends(soon)
	if got := statuses(r); len(ports) != 15 || len(sampled.Flows) < 2 || code != exitFine || got != "dev passed" {
		t.Errorf("exit code %d, %s\n%s", code, got, output)
	}
	if err := portsFree(t.Context(), ports); err != nil {
		t.Errorf("after its end: %v", err)
	}
}

// Ports that are taken are named, all of them, and nothing starts.
func TestDevOnTakenPorts(t *testing.T) {
	t.Parallel()
	testenv.Env(t)
	root := another(t)
	var named []string
	for service, usual := range map[string]string{"board": "4102", "tickets": "4101"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // on one address alone
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		port := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
		replace(t, root, "slipway.yaml", usual, port)
		named = append(named, port+" ("+service+")")
	}
	p := launch(t, nil, "dev", "--root", root)
	code, output, r := p.ends(soon)
	f := r.Failures()
	if code != exitInfrastructure || len(f) != 1 || f[0].Hint == "" {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	for _, want := range append(named, "ports already taken: ") {
		if !strings.Contains(f[0].Error, want) {
			t.Errorf("%q does not say %s", f[0].Error, want)
		}
	}
	if _, err := os.Stat(filepath.Join(p.folder, "dev.env")); err == nil {
		t.Error("dev.env tells of what was not started")
	}
}
