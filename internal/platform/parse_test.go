package platform

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse: whatever the bytes, Parse returns a platform or problems, each at
// a place that the file has.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	cases, _ := filepath.Glob("testdata/err/*.yaml")
	for _, name := range cases {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(File, data)
		if err == nil {
			if len(p.Ordered()) != len(p.Services) || len(p.Services) == 0 {
				t.Fatalf("%d services, of which %d are in order", len(p.Services), len(p.Ordered()))
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("no problems but %v", err)
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		lines += bytes.Count(data, []byte("\r")) + strings.Count(string(data), "\u0085") + strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029")
		for _, problem := range problems {
			if problem.Line < 1 || problem.Line > lines || problem.Column < 1 || problem.Column > len(data)+2 || problem.Message == "" {
				t.Fatalf("%d lines, and the problem %q", lines, problem)
			}
			if strings.ContainsAny(problem.String(), "\n\r") {
				t.Fatalf("more than one line: %q", problem)
			}
		}
	})
}

func TestParseRefusesAHugeFile(t *testing.T) {
	_, err := Parse(File, append([]byte(small), bytes.Repeat([]byte("#"), maxBytes)...))
	if err == nil || !strings.Contains(err.Error(), "expected at most 1048576") {
		t.Fatal(err)
	}
}

func TestParseKeepsPasswordsOut(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{
		"kubeconfig: " + secret, "registry: https://me:" + secret + "@ghcr.io/shop", "variables: {API_KEY: 'p " + secret + "'}", "context: [" + secret + "]",
	} {
		data := strings.Replace(small, "context: prod", text+"\n    context: prod", 1)
		if _, err := Parse(File, []byte(data)); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s is in: %v", secret, err)
		}
	}
}
