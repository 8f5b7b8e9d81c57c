package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// gates runs what `make load` runs: Go's own benchmarks of the gate, which hold
// their limits by themselves.
func gates(ctx context.Context, b *bench) (Result, error) {
	r := Result{
		Title: "The gate",
		Text: "`slipway preflight` and `slipway gate`, processes as in a workflow, with a gate that asks for all that it can, an approval by two groups of two teams each, " +
			"and a stand-in for GitHub that answers each request in 50 ms: for one release, the cluster and the start of both programs included. " +
			"Then `slipway gate serve`, which gets 20 webhooks a second for a minute, and a kill -9 in the middle; GitHub's answer to a decision takes 200 ms.",
	}
	decide, err := b.goBench(ctx, "./actions", "^BenchmarkGate$", "5x")
	if err != nil {
		return r, err
	}
	serve, err := b.goBench(ctx, "./internal/gatekeeper", "^BenchmarkWebhooks$", "1x")
	if err != nil {
		return r, err
	}
	r.Limits = []Limit{
		{Name: "preflight and gate, mean of 5", Value: decide["ns/op"] / 1e9, Target: 2, Unit: "s"},
		{Name: "their requests to GitHub", Value: decide["requests/op"], Target: 25, Unit: "requests"},
		{Name: "webhooks a second", Value: serve["webhooks/s"], Unit: "/s"},
		{Name: "answer to a webhook, 99 of 100", Value: serve["p99-ms"], Target: 250, Unit: "ms"},
		{Name: "answer to a webhook, median", Value: serve["p50-ms"], Unit: "ms"},
		{Name: "webhooks lost", Value: serve["lost"], Target: never},
		{Name: "webhooks decided twice", Value: serve["twice"], Target: never},
	}
	return r, nil
}

// goBench runs one benchmark of Go, and returns its metrics by their units.
func (b *bench) goBench(ctx context.Context, pkg, name, times string) (map[string]float64, error) {
	b.say("%s %s", pkg, name)
	cmd := exec.CommandContext(ctx, "go", "test", pkg, "-run", "^$", "-bench", name, "-benchtime", times, "-timeout", "10m")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return metricsOf(string(out))
}

// benchLine is that of a benchmark's result: name, how often, and values with
// their units (golang.org/design/14313-benchmark-format).
var benchLine = regexp.MustCompile(`(?m)^Benchmark\S+\s+\d+\s+(.*)$`)

func metricsOf(out string) (map[string]float64, error) {
	m := benchLine.FindStringSubmatch(out)
	if m == nil {
		return nil, fmt.Errorf("there is no result in what the benchmark printed:\n%s", out)
	}
	metrics := map[string]float64{}
	words := strings.Fields(m[1])
	for i := 0; i+1 < len(words); i += 2 {
		value, err := strconv.ParseFloat(words[i], 64)
		if err != nil {
			return nil, fmt.Errorf("read the benchmark's result: %w", err)
		}
		metrics[words[i+1]] = value
	}
	return metrics, nil
}
