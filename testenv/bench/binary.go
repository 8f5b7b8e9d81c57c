package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const binaryText = `The program behind the actions, built as for a release (` + "`-trimpath -ldflags \"-s -w\"`" + `, no cgo), and the time from its start to its first line, of ` + "`slipway --help`" + `
and of ` + "`slipway plan --env staging`" + ` in the sample platform, which says what it begins with.`

// binary weighs the program of the actions and times its first output.
func binary(ctx context.Context, b *bench) (Result, error) {
	program := filepath.Join(b.scratch, "slipway")
	c := command{name: "binary", dir: filepath.Dir(b.root), env: []string{"CGO_ENABLED=0"}, args: []string{"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "github.com/teei/slipway/actions"}}
	if _, _, err := b.run(ctx, c); err != nil {
		return Result{}, err
	}
	info, err := os.Stat(program)
	if err != nil {
		return Result{}, err
	}
	r := Result{Title: "The binary of the actions", Text: binaryText, Limits: []Limit{{Name: "size", Value: float64(info.Size()) / 1e6, Target: 90, Unit: "MB"}}}
	for _, words := range []string{"--help", "plan --env staging"} {
		var seconds []float64
		for range b.short {
			took, err := b.firstLine(ctx, program, strings.Fields(words)...)
			if err != nil {
				return Result{}, err
			}
			seconds = append(seconds, took.Seconds())
		}
		r.Limits = append(r.Limits, Limit{Name: "`slipway " + words + "`, start to first line, median", Value: 1000 * median(seconds), Target: 100, Unit: "ms"})
		r.Times = append(r.Times, Times{Name: "`slipway " + words + "`, start to first line", Seconds: seconds})
	}
	return r, nil
}

// firstLine starts a program and waits for its first line, of either output.
func (b *bench) firstLine(ctx context.Context, program string, args ...string) (time.Duration, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = b.root, writer, writer
	start := time.Now()
	err = cmd.Start()
	writer.Close()
	if err != nil {
		return 0, err
	}
	_, err = bufio.NewReader(reader).ReadString('\n')
	took := time.Since(start)
	_ = cmd.Process.Kill() // what it does next is of no interest here
	_ = cmd.Wait()
	if err != nil {
		return 0, fmt.Errorf("read the first line of %s: %w", program, err)
	}
	return took, nil
}
