package production

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/teei/slipway/internal/ledger"
)

// tell runs a command and shows what it says.
func (s *show) tell(cmd *exec.Cmd) error {
	_, err := s.hear(cmd)
	return err
}

// hear runs a command, shows what it says and returns it.
func (s *show) hear(cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(s.stdout, &out)
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	return out.String(), err
}

// newest is the number of staging's newest release.
func (s *show) newest(ctx context.Context, in []string) (int, error) {
	out, err := s.command(ctx, s.slipway, append([]string{"releases", "--json"}, in...)...).Output()
	if err != nil {
		return 0, err
	}
	var records []ledger.Record
	if err := json.Unmarshal(out, &records); err != nil {
		return 0, err
	}
	newest := 0
	for _, r := range records {
		newest = max(newest, r.Number)
	}
	return newest, nil
}

// outputOf is the last value of an output in the file that the runner reads:
// NAME<<DELIMITER, the value, DELIMITER.
func outputOf(file, name string) (value string) {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(data), "\n")
	for i, line := range lines[:max(0, len(lines)-1)] {
		if strings.HasPrefix(line, name+"<<") {
			value = lines[i+1]
		}
	}
	return value
}

var (
	toApprove = regexp.MustCompile(`to approve: ([0-9a-f]{64})`)
	summary   = regexp.MustCompile(`(?s)^\s*⚙\s+Summary - (.*)$`)
	began     = regexp.MustCompile(`^⭐ Run Main (Backup|Plan|Preflight|Gate|Release|Take back)(.*)$`)
)

// follow runs act and shows of its log what our own steps say; what they write
// as summaries goes to the page.
func (s *show) follow(cmd *exec.Cmd) error {
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		writer.Close()
		ended <- err
	}()
	lines := bufio.NewReader(reader)
	for {
		line, err := lines.ReadString('\n')
		var entry struct {
			Msg string
			Raw bool `json:"raw_output"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil {
			if err := s.heard(entry.Msg, entry.Raw); err != nil {
				return err
			}
		}
		if err != nil {
			return <-ended
		}
	}
}

func (s *show) heard(text string, raw bool) error {
	if m := summary.FindStringSubmatch(text); m != nil {
		s.explain(m[1])
		return nil
	}
	if m := began.FindStringSubmatch(strings.TrimSpace(text)); m != nil {
		fmt.Fprintf(s.stdout, "\n─ %s%s\n", m[1], m[2])
		return nil
	}
	if !raw {
		return nil
	}
	if line := strings.TrimRight(text, "\r\n "); line != "" {
		fmt.Fprintln(s.stdout, "  "+line)
	}
	if m := toApprove.FindStringSubmatch(text); m != nil {
		s.wait()
		fmt.Fprintf(s.stdout, "\n  ► Open %s and approve twice, as vera and as tom, with the comment %s\n\n", s.hub.URL, m[1][:12])
		if s.decides != nil {
			return s.decides(m[1])
		}
	}
	return nil
}
