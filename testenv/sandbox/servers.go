package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
)

// postgresBin is Debian's folder of the server that packages names.
const postgresBin = "/usr/lib/postgresql/15/bin"

// servers are what the platform's services talk to, on their usual ports.
func servers() []part {
	return []part{postgres(), clickhouse(), redisServer(), natsServer(), prometheus(), registry()}
}

func postgres() part {
	data := statePath("postgres")
	return part{
		name: "postgres",
		args: []string{postgresBin + "/postgres", "-D", data},
		user: "postgres",
		stop: syscall.SIGINT, // fast shutdown: does not wait for clients to leave
		prepare: func() error {
			// The lock says that no server runs. Its pid file would name some
			// other process of a new box and keep the server from starting.
			if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			if _, err := os.Stat(filepath.Join(data, "slipway.conf")); err == nil {
				return nil
			}
			return initPostgres(data)
		},
		ready: func(ctx context.Context) error { return query(ctx, DatabaseURL("postgres")) },
		facts: "postgres://" + IP + ":5432",
	}
}

func initPostgres(data string) error {
	password, err := secret("postgres")
	if err != nil {
		return err
	}
	// What a kill in the middle of initdb left is no database.
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	owner, err := credential("postgres")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := os.Chown(data, int(owner.Uid), int(owner.Gid)); err != nil {
		return err
	}
	pw, err := os.CreateTemp("", "slipway")
	if err != nil {
		return err
	}
	defer os.Remove(pw.Name())
	if _, err := pw.WriteString(password); err != nil {
		return err
	}
	if err := errors.Join(pw.Chown(int(owner.Uid), int(owner.Gid)), pw.Close()); err != nil {
		return err
	}
	//nolint:noctx // it takes seconds, and what a kill leaves of it is made anew
	cmd := exec.Command(postgresBin+"/initdb", "-D", data, "-U", "postgres", "--pwfile", pw.Name(),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	settings := `listen_addresses = '` + IP + `'
unix_socket_directories = ''
wal_level = logical
max_wal_senders = 50
max_replication_slots = 50
max_connections = 300
shared_buffers = 128MB
`
	if err := appendTo(filepath.Join(data, "postgresql.conf"), "include 'slipway.conf'\n"); err != nil {
		return err
	}
	if err := appendTo(filepath.Join(data, "pg_hba.conf"), "host all all all scram-sha-256\nhost replication all all scram-sha-256\n"); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, "slipway.conf"), []byte(settings), 0o644)
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// DatabaseURL is the address of a database of the sandbox's server for its
// superuser, whose password lies with the state.
func DatabaseURL(database string) string {
	password, _ := os.ReadFile(statePath("secret", "postgres"))
	u := url.URL{Scheme: "postgres", User: url.UserPassword("postgres", string(password)), Host: IP + ":5432", Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

func query(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT 1")
	return err
}

func clickhouse() part {
	data := statePath("clickhouse")
	url := "http://" + IP + ":8123/"
	return part{
		name: "clickhouse",
		args: []string{"/usr/sbin/clickhouse-server", "--config-file=/etc/clickhouse-server/config.xml", "--",
			"--path=" + data + "/", "--tmp_path=" + data + "/tmp/", "--user_files_path=" + data + "/user_files/",
			"--format_schema_path=" + data + "/format_schemas/", "--listen_host=" + IP,
			"--http_port=8123", "--mlock_executable=false",
			"--logger.log=" + logPath("clickhouse-server"), "--logger.errorlog=" + logPath("clickhouse-error"), "--logger.level=warning"},
		prepare: func() error { return os.MkdirAll(data, 0o755) },
		ready: func(ctx context.Context) error {
			_, err := ask(ctx, http.DefaultClient, url+"?query=SELECT%201")
			return err
		},
		facts: url,
	}
}

func redisServer() part {
	data := statePath("redis")
	return part{
		name:    "redis",
		args:    []string{"/usr/bin/redis-server", "--bind", IP, "--port", "6379", "--dir", data, "--protected-mode", "no", "--save", ""},
		prepare: func() error { return os.MkdirAll(data, 0o755) },
		ready: func(ctx context.Context) error {
			c := redis.NewClient(&redis.Options{Addr: IP + ":6379"})
			defer c.Close()
			return c.Ping(ctx).Err()
		},
		facts: "redis://" + IP + ":6379",
	}
}

func natsServer() part {
	url := "nats://" + IP + ":4222"
	return part{
		name:  "nats",
		args:  []string{"/usr/sbin/nats-server", "--addr", IP, "--port", "4222", "--jetstream", "--store_dir", statePath("nats")},
		ready: func(ctx context.Context) error { return natsReady(ctx, url) },
		facts: url + " with JetStream",
	}
}

func natsReady(ctx context.Context, url string) error {
	c, err := nats.Connect(url, nats.SetCustomDialer(dialer{ctx}), nats.NoReconnect())
	if err != nil {
		return err
	}
	defer c.Close()
	js, err := c.JetStream()
	if err != nil {
		return err
	}
	_, err = js.AccountInfo(nats.Context(ctx))
	return err
}

// dialer makes the NATS client, which knows no context, end with one.
type dialer struct{ ctx context.Context }

// Dial connects like net.Dial.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(d.ctx, network, address)
	if err == nil {
		context.AfterFunc(d.ctx, func() { _ = conn.Close() })
	}
	return conn, err
}

// prometheus scrapes every pod that asks for it by the usual annotations.
func prometheus() part {
	config := `global: {scrape_interval: 2s}
scrape_configs:
  - job_name: pods
    file_sd_configs: [{files: ["` + targetsFile() + `"]}]
`
	url := "http://" + IP + ":9090"
	return part{
		name: "prometheus",
		args: []string{"/usr/bin/prometheus", "--config.file=" + statePath("prometheus.yml"),
			"--storage.tsdb.path=" + statePath("prometheus"), "--storage.tsdb.retention.time=2d",
			"--web.listen-address=" + IP + ":9090", "--log.level=warn"},
		prepare: func() error {
			// A box that was killed leaves the lock of a process that is no more.
			if err := os.Remove(statePath("prometheus", "lock")); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			return write(statePath("prometheus.yml"), config)
		},
		ready: func(ctx context.Context) error {
			_, err := ask(ctx, http.DefaultClient, url+"/-/ready")
			return err
		},
		facts: url,
	}
}

// registry is where the platform's images are pushed to, and the mirror of
// public registries. Its content is a cache, kept when the sandbox goes.
func registry() part {
	config := `version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: ` + cacheDir + `/registry}
  delete: {enabled: true}
http: {addr: ` + Registry + `}
`
	return part{
		name:    "registry",
		args:    []string{"/usr/bin/docker-registry", "serve", statePath("registry.yml")},
		env:     []string{"OTEL_TRACES_EXPORTER=none"},
		prepare: func() error { return write(statePath("registry.yml"), config) },
		ready: func(ctx context.Context) error {
			_, err := ask(ctx, http.DefaultClient, "http://"+Registry+"/v2/")
			return err
		},
		facts: Registry,
	}
}

// shareWith gives an unprivileged user of the machine what root wrote for it.
func shareWith(path, uid string) error {
	id, err := strconv.Atoi(uid)
	if err != nil {
		//nolint:nilerr // not run through sudo: there is nobody to share with
		return nil
	}
	u, err := user.LookupId(uid)
	if err != nil {
		return err
	}
	gid, _ := strconv.Atoi(u.Gid)
	return os.Chown(path, id, gid)
}
