package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"
)

// Reach asks a server a real query: an open port says little. The kind is that
// of slipway.yaml's infrastructure: postgres, clickhouse, redis or nats. Errors
// name host and port, and never what else is in the address.
func Reach(ctx context.Context, kind, address string, deadline time.Duration) (time.Duration, error) {
	query := map[string]func(context.Context, *url.URL) error{
		"postgres": postgres, "clickhouse": clickhouse, "redis": redisPing, "nats": natsPing,
	}[kind]
	if query == nil {
		return 0, fmt.Errorf("reach %s: it is none of postgres, clickhouse, redis and nats", kind)
	}
	// The error of url.Parse quotes the address, and with it the password.
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" {
		return 0, fmt.Errorf("reach %s: its address is not a URL", kind)
	}
	ctx, stop := context.WithTimeout(ctx, deadline)
	defer stop()
	start := time.Now()
	if err := query(ctx, u); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("no answer in %s: %w", deadline, err)
		}
		return 0, &ReachError{Kind: kind, Host: hostPort(kind, u), Err: hide(err, u)}
	}
	return time.Since(start), nil
}

// ReachError says which server could not be asked, and why.
type ReachError struct {
	Kind, Host string
	Err        error
}

func (e *ReachError) Error() string { return fmt.Sprintf("reach %s at %s: %v", e.Kind, e.Host, e.Err) }

// Unwrap returns the cause.
func (e *ReachError) Unwrap() error { return e.Err }

func hostPort(kind string, u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[string]string{"postgres": "5432", "clickhouse": "8123", "redis": "6379", "nats": "4222"}[kind])
}

// hide takes what is secret in an address out of an error, and keeps the cause for errors.As only where nothing was in it.
func hide(err error, u *url.URL) error {
	text := err.Error()
	secrets := []string{u.String()}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password, url.QueryEscape(password), url.PathEscape(password), u.User.String())
	}
	for _, name := range []string{"password", "sslpassword", "token"} {
		secrets = append(secrets, u.Query().Get(name))
	}
	clean := text
	for _, secret := range secrets {
		if secret != "" {
			clean = strings.ReplaceAll(clean, secret, "***")
		}
	}
	if clean == text {
		return err
	}
	return errors.New(clean)
}

func postgres(ctx context.Context, u *url.URL) error {
	conn, err := pgx.Connect(ctx, u.String())
	if err != nil {
		var pe *pgconn.ParseConfigError
		if errors.As(err, &pe) {
			return errors.New("its address is not one of PostgreSQL")
		}
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var one int
	return conn.QueryRow(ctx, "SELECT 1").Scan(&one)
}

func clickhouse(ctx context.Context, u *url.URL) error {
	target := *u
	target.User = nil
	target.Path = "/"
	database := strings.Trim(u.Path, "/")
	query := target.Query()
	query.Set("query", "SELECT 1")
	if database != "" {
		query.Set("database", database)
	}
	target.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	if u.User != nil {
		password, _ := u.User.Password()
		request.SetBasicAuth(u.User.Username(), password)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			return wrapped.Err
		}
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1024))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "1" {
		return fmt.Errorf("SELECT 1 answered %d: %s", response.StatusCode, excerpt(body))
	}
	return nil
}

// The client writes failed dials to standard error by itself.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func redisPing(ctx context.Context, u *url.URL) error {
	redis.SetLogger(silent{})
	options, err := redis.ParseURL(u.String())
	if err != nil {
		return errors.New("its address is not one of Redis")
	}
	options.MaxRetries = -1
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	defer client.Close()
	return client.Ping(ctx).Err()
}

func natsPing(ctx context.Context, u *url.URL) error {
	left := 5 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	options := []nats.Option{nats.Timeout(left), nats.NoReconnect(), nats.SetCustomDialer(dialer{ctx})}
	if u.Scheme == "tls" {
		options = append(options, nats.Secure(&tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}))
	}
	conn, err := nats.Connect(u.String(), options...)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.FlushWithContext(ctx); err != nil {
		return err
	}
	_, err = conn.RTT()
	return err
}

// dialer makes the NATS client, which knows no context, end with one.
type dialer struct{ ctx context.Context }

// Dial connects like net.Dial.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(d.ctx, network, address)
}
