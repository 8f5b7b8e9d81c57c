package main

import (
	"path/filepath"
	"testing"

	"github.com/teei/slipway/internal/report"
)

// A release that fails of something else shows nothing about the broken service.
func TestReportBlamesTheBrokenService(t *testing.T) {
	t.Parallel()
	const exited = "roll out q2q-ai: container q2q-ai exited 2 times, last with code 1"
	failing := func(stage, text string) []report.Stage {
		return []report.Stage{{Name: "images", Status: report.Passed}, {Name: stage, Status: report.Failed, Error: text}}
	}
	for name, c := range map[string]struct {
		stages  []report.Stage
		healthy bool
		right   bool
	}{
		"the service and the reason": {stages: failing("deploy", exited), right: true},
		"another service":            {stages: failing("deploy", "roll out analytics: container analytics exited 2 times")},
		"another reason":             {stages: failing("deploy", "roll out q2q-ai: 0 of 1 new pods are ready")},
		"no reason":                  {stages: failing("deploy", "roll out q2q-ai: ")},
		"another stage":              {stages: failing("images", exited)},
		"no failure":                 {stages: []report.Stage{{Name: "deploy", Status: report.Passed}}},
		"healthy all the same":       {stages: failing("deploy", exited), healthy: true},
	} {
		file := filepath.Join(t.TempDir(), "report.json")
		r := report.Report{Stages: c.stages, Services: []report.Service{{Name: "q2q-ai", Healthy: c.healthy}}}
		if err := r.WriteJSON(file); err != nil {
			t.Fatal(err)
		}
		said, err := brokenDeploy{service: "q2q-ai", fault: "exit"}.blamed(file)
		if (err == nil) != c.right || c.right && said != exited {
			t.Errorf("%s: %q, %v", name, said, err)
		}
	}
}
