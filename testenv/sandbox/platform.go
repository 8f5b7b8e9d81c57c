package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The sample platform's own corner of the sandbox.
const (
	// Namespace its services run in.
	Namespace = "teei"
	// SecretName holds the variables that its manifests refer to.
	SecretName = "teei-env"
	role       = "teei"
)

// Variables are what an environment of the platform must have, with the
// sandbox's values; database is the name of the database.
func Variables(database string) (map[string]string, error) {
	values := map[string]string{
		"CLICKHOUSE_URL": "http://" + IP + ":8123/default",
		"REDIS_URL":      "redis://" + IP + ":6379/0",
		"NATS_URL":       "nats://" + IP + ":4222",
	}
	for _, name := range []string{"JWT_SECRET", "API_KEY"} {
		value, err := secret(strings.ToLower(name))
		if err != nil {
			return nil, err
		}
		values[name] = value
	}
	password, err := secret("database")
	if err != nil {
		return nil, err
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: IP + ":5432", Path: "/" + database, RawQuery: "sslmode=disable"}
	values["DATABASE_URL"] = u.String()
	return values, nil
}

// furnishPlatform makes the platform's role, database, namespace and secret.
func furnishPlatform(ctx context.Context) error {
	values, err := Variables(role)
	if err != nil {
		return err
	}
	if err := makeRole(ctx); err != nil {
		return err
	}
	if err := MakeDatabase(ctx, role); err != nil {
		return err
	}
	return MakeNamespace(ctx, Namespace, values)
}

// makeRole makes the role that owns the platform's databases. It may create
// databases, since a backup is restored to be verified, and replicate; it is
// no superuser.
func makeRole(ctx context.Context) error {
	password, err := secret("database")
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, DatabaseURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// The password is our own random text of letters and digits.
	sql := fmt.Sprintf(`DO $$ BEGIN
		CREATE ROLE %[1]s LOGIN CREATEDB REPLICATION PASSWORD '%[2]s';
	EXCEPTION WHEN duplicate_object THEN
		ALTER ROLE %[1]s PASSWORD '%[2]s';
	END $$`, role, password)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("make role %s: %w", role, err)
	}
	return nil
}

// MakeDatabase makes a database owned by the platform's role, unless it exists.
func MakeDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, DatabaseURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there); err != nil || there {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" OWNER "+role); err != nil {
		return fmt.Errorf("make database %s: %w", name, err)
	}
	return nil
}

// DropDatabase drops a database and disconnects whoever uses it.
func DropDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, DatabaseURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	return err
}

// MakeNamespace makes a namespace with the secret that the platform's manifests
// refer to, or renews the secret's values.
func MakeNamespace(ctx context.Context, name string, values map[string]string) error {
	ns := map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}
	if err := applyAPI(ctx, "/api/v1/namespaces/"+name, ns); err != nil {
		return err
	}
	s := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": SecretName}, "stringData": values}
	return applyAPI(ctx, "/api/v1/namespaces/"+name+"/secrets/"+SecretName, s)
}

// DropNamespace deletes a namespace with all that is in it.
func DropNamespace(ctx context.Context, name string) error {
	return callAPI(ctx, http.MethodDelete, "/api/v1/namespaces/"+name, "", nil)
}

// DropLedgers deletes the ledgers of an environment, of whatever platform, and that
// of older versions.
func DropLedgers(ctx context.Context, environment string) error {
	body, err := askAPI(ctx, "/api/v1/namespaces?labelSelector=slipway.dev/environment="+environment)
	if err != nil {
		return err
	}
	var found struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(body), &found); err != nil {
		return err
	}
	errs := []error{DropNamespace(ctx, "slipway-"+environment)}
	for _, ns := range found.Items {
		errs = append(errs, DropNamespace(ctx, ns.Metadata.Name))
	}
	return errors.Join(errs...)
}

func applyAPI(ctx context.Context, path string, object any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return callAPI(ctx, http.MethodPatch, path+"?fieldManager=testenv&force=true", "application/apply-patch+yaml", body)
}

func callAPI(ctx context.Context, method, path, kind string, body []byte) error {
	client, err := apiClient()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, apiServer+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if method == http.MethodDelete && res.StatusCode == http.StatusNotFound {
		return nil // it is gone already
	}
	if res.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	return nil
}

// writeEnv writes the addresses of everything; ci, the actions and the tests
// read it by themselves. It exists only while all of it has answered once.
func writeEnv(bins Binaries) error {
	values, err := Variables(role)
	if err != nil {
		return err
	}
	kubeconfig, err := os.ReadFile(pkiPath("admin.kubeconfig"))
	if err != nil {
		return err
	}
	values["KUBECONFIG"] = filepath.Join(runDir, "kubeconfig")
	if err := writePrivate(values["KUBECONFIG"], kubeconfig); err != nil {
		return err
	}
	values["SLIPWAY_NAMESPACE"] = Namespace
	values["SLIPWAY_REGISTRY"] = Registry + "/teei"
	values["SLIPWAY_BIN"] = string(bins)
	values["PROMETHEUS_URL"] = "http://" + IP + ":9090"
	values["_EXPERIMENTAL_DAGGER_CLI_BIN"] = bins.path("dagger")
	if bins.hasEngine() {
		values["_EXPERIMENTAL_DAGGER_RUNNER_HOST"] = "unix://" + engineSocket
	}
	if err := offerCLI(bins); err != nil {
		return err
	}
	var b bytes.Buffer
	for _, name := range sortedKeys(values) {
		fmt.Fprintf(&b, "%s=%s\n", name, values[name])
	}
	return writePrivate(EnvFile, b.Bytes())
}

// writePrivate writes a file that only root, and the person behind sudo, reads.
func writePrivate(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	if uid := os.Getenv("SUDO_UID"); uid != "" {
		if err := shareWith(path+".new", uid); err != nil {
			return err
		}
	}
	return os.Rename(path+".new", path)
}

const (
	cliName = "/usr/local/bin/dagger"
	cliMark = "# Slipway's sandbox: the CLI that matches its engine."
)

// offerCLI puts `dagger` on the PATH where there is none, so that
// `dagger run go run ./ci` finds the sandbox's engine without any export.
func offerCLI(bins Binaries) error {
	if path, err := exec.LookPath("dagger"); err == nil && path != cliName {
		return nil
	}
	if old, err := os.ReadFile(cliName); err == nil && !bytes.Contains(old, []byte(cliMark)) {
		return nil
	}
	return os.WriteFile(cliName, []byte(cliScript(bins)), 0o755)
}

// cliScript leaves the choice of an engine to the CLI where Docker provides it.
func cliScript(bins Binaries) string {
	script := "#!/bin/sh\n" + cliMark + "\n" + `: "${DO_NOT_TRACK:=1}" "${DAGGER_NO_NAG:=1}"
export DO_NOT_TRACK DAGGER_NO_NAG
`
	if bins.hasEngine() {
		script += `: "${_EXPERIMENTAL_DAGGER_RUNNER_HOST:=unix://` + engineSocket + `}"
export _EXPERIMENTAL_DAGGER_RUNNER_HOST
`
	}
	return script + "exec " + bins.path("dagger") + ` "$@"` + "\n"
}

func withdrawCLI() error {
	old, err := os.ReadFile(cliName)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Contains(old, []byte(cliMark)) {
		return nil // it is not there, or not ours
	}
	if err != nil {
		return err
	}
	return os.Remove(cliName)
}
