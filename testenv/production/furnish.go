package production

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/teei/slipway/internal/platform"
	"github.com/teei/slipway/testenv/sandbox"
)

const workflowFile = ".github/workflows/production.yml"

// furnish makes the folder of the show, the repository in it, and for each
// environment a namespace with its secret and databases of its own.
func (s *show) furnish(ctx context.Context) error {
	env, err := platform.ReadEnvFile(sandbox.EnvFile)
	if err != nil {
		return err
	}
	s.kubeconfig = env["KUBECONFIG"]
	if s.dir, err = filepath.Abs(s.work); err != nil {
		return err
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return err
	}
	for i, name := range []string{"staging", "production"} {
		values, err := furnishEnvironment(ctx, name, i+1)
		if err != nil {
			return err
		}
		prefix := map[string]string{"staging": "STAGING_", "production": "PROD_"}[name]
		for variable, value := range values {
			s.variables = append(s.variables, prefix+variable+"="+value)
		}
	}
	s.variables = append(s.variables, "PROMETHEUS_URL="+env["PROMETHEUS_URL"], "REGISTRY="+strings.TrimSuffix(env["SLIPWAY_REGISTRY"], "/teei"))
	return s.commit(ctx)
}

// furnishEnvironment makes what an environment of the sample needs, apart from
// those of others: services share servers, and nothing on them.
func furnishEnvironment(ctx context.Context, name string, redis int) (map[string]string, error) {
	database := "teei_" + name
	if err := sandbox.MakeDatabase(ctx, database); err != nil {
		return nil, err
	}
	values, err := sandbox.Variables(database)
	if err != nil {
		return nil, err
	}
	clickhouse, err := url.Parse(values["CLICKHOUSE_URL"])
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+clickhouse.Host+"/", strings.NewReader("CREATE DATABASE IF NOT EXISTS "+database))
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("make database %s of ClickHouse: %s, %w", database, answer.Status, err)
	}
	values["CLICKHOUSE_URL"] = "http://" + clickhouse.Host + "/" + database
	values["REDIS_URL"] = fmt.Sprintf("redis://%s:6379/%d", sandbox.IP, redis)
	return values, sandbox.MakeNamespace(ctx, "teei-"+name, values)
}

// commit makes a repository of the sample, as a team has one: its own files and
// the workflow. Slipway lies beside it, as the workflow checks it out.
func (s *show) commit(ctx context.Context) error {
	for _, copied := range []struct{ from, to string }{{s.root, s.repository()}, {".", filepath.Join(s.dir, "slipway")}} {
		if err := copyTracked(ctx, copied.from, copied.to); err != nil {
			return err
		}
	}
	if s.edit != nil {
		if err := s.edit(s.repository()); err != nil {
			return err
		}
	}
	workflow, err := os.ReadFile(workflowFile)
	if err != nil {
		return err
	}
	file := filepath.Join(s.repository(), workflowFile)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, workflow, 0o644); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"}, {"remote", "add", "origin", "https://github.com/teei/platform.git"}, {"add", "--all"},
		{"-c", "user.name=alice", "-c", "user.email=alice@example.org", "commit", "--quiet", "--no-gpg-sign", "--message=A match can be ended by either side"},
	} {
		if _, err := git(ctx, s.repository(), args...); err != nil {
			return err
		}
	}
	s.sha, err = git(ctx, s.repository(), "rev-parse", "HEAD")
	return err
}

// copyTracked copies the files that Git knows or would know, as they are now.
func copyTracked(ctx context.Context, from, to string) error {
	listed, err := git(ctx, from, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	for _, name := range strings.Split(strings.TrimSuffix(listed, "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		} else if err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(from, name))
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, data, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
