// Command bench measures Slipway against what people would do without it, on
// the real parts of the sandbox, and writes docs/benchmarks.md.
//
// To add a benchmark, write a file with one function of type measure and name
// it in the list of benchmarks.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/teei/slipway/testenv/sandbox"
)

// measure runs one benchmark to its end.
type measure func(ctx context.Context, b *bench) (Result, error)

// benchmarks run in this order: memory looks at what those before it ran, and
// sandbox stops what all of them need.
var benchmarks = []struct {
	name string
	run  measure
}{
	{"check", checks},
	{"rollout", rollouts},
	{"failure", failures},
	{"binary", binary},
	{"gate", gates},
	{"memory", memory},
	{"sandbox", sandboxUp},
}

func main() {
	var o options
	flag.StringVar(&o.ci, "ci", ".slipway/bin/ci", "the ci `binary`")
	flag.StringVar(&o.root, "root", "testenv/platform", "`folder` of the sample's slipway.yaml")
	flag.StringVar(&o.work, "work", ".slipway/bench", "`folder` for logs and tools")
	flag.StringVar(&o.out, "out", "docs/benchmarks.md", "`file` to write")
	flag.StringVar(&o.only, "only", "", "measure only these, and print them instead: "+names()+" (a `list` with commas)")
	flag.IntVar(&o.short, "pairs", 10, "`rounds` of what is short")
	flag.IntVar(&o.long, "long-pairs", 6, "`rounds` of what takes minutes; with fewer than 6 no 95 % interval exists")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		var hint *sandbox.Hint
		if errors.As(err, &hint) {
			fmt.Fprintln(os.Stderr, "hint:", hint.Hint)
		}
		os.Exit(1)
	}
}

// run measures all that is asked for and writes it only when all of it worked.
func run(ctx context.Context, o options) error {
	if flag.NArg() > 0 || o.short < 1 || o.long < 1 {
		return errors.New("usage: bench takes flags only, and counts of at least 1 (-h lists them)")
	}
	chosen := strings.FieldsFunc(o.only, func(r rune) bool { return r == ',' })
	for _, name := range chosen {
		if !slices.Contains(strings.Split(names(), ", "), name) {
			return fmt.Errorf("measure %s: there are only %s", name, names())
		}
	}
	b, err := newBench(o)
	if err != nil {
		return err
	}
	defer b.close()
	m := b.machine(ctx)
	var results []Result
	for _, benchmark := range benchmarks {
		if len(chosen) > 0 && !slices.Contains(chosen, benchmark.name) {
			continue
		}
		b.say("%s", benchmark.name)
		r, err := benchmark.run(ctx, b)
		if err != nil {
			return fmt.Errorf("measure %s: %w", benchmark.name, err)
		}
		results = append(results, r)
	}
	m.Took, m.After, m.Repeated = time.Since(m.Date), load(), b.repeated
	var text bytes.Buffer
	if err := render(&text, m, results); err != nil {
		return err
	}
	if len(chosen) > 0 {
		_, err = os.Stdout.Write(text.Bytes())
		return err
	}
	b.say("written: %s", o.out)
	return os.WriteFile(o.out, text.Bytes(), 0o644)
}

func names() string {
	var list []string
	for _, benchmark := range benchmarks {
		list = append(list, benchmark.name)
	}
	return strings.Join(list, ", ")
}
