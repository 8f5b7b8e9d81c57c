package report

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/rollout"
)

// TestReadme: the summary of a release that failed stands in the README as it is
// printed. The digests and times are those of a run of make broken-deploy.
func TestReadme(t *testing.T) {
	failure := &rollout.Failure{Service: "analytics", Reason: "container analytics exited 2 times, last with code 1", Command: "kubectl -n teei events --for pod/analytics-56cd7cc9c9-k8zzw"}
	r := Report{
		Target: "sandbox",
		Stages: []Stage{
			{Name: "images", Status: Passed, Seconds: 0.9, Note: "12 images in 10.87.0.2:5000/teei"},
			{Name: "deploy", Status: Failed, Seconds: 26, Error: failure.Error(), Hint: failure.Hint()},
		},
		Runs: "runs #2; #3 failed and was rolled back",
	}
	for i, s := range []struct {
		name, digest string
		port         int
		seconds      float64
	}{
		{"api-gateway", "877657927b6a", 3017, 2.0}, {"unified-profile", "441fa0a0fc9e", 3018, 2.4}, {"buddy-service", "d367e6feabb8", 3019, 2.4},
		{"q2q-ai", "2c9e5e883651", 3021, 2.3}, {"safety-moderation", "1f0cedaa5789", 3022, 2.4}, {"analytics", "367a3febd00e", 3023, 2.5},
		{"journey", "6ab2c60ac1b0", 3024, 0}, {"impact-in", "1d568714f248", 3025, 0}, {"discord-bot", "0c579de21326", 3026, 0},
		{"reporting", "69ca1a6cd24c", 4017, 0}, {"corp-cockpit", "fa385804263b", 4327, 0},
	} {
		outcome := rollout.NotReached
		switch {
		case s.name == failure.Service:
			outcome = rollout.Broken
		case s.seconds > 0:
			outcome = rollout.Restored
		}
		r.Services = append(r.Services, Service{Name: s.name, Order: i + 1, Port: s.port, Image: "10.87.0.2:5000/teei/" + s.name + "@sha256:" + s.digest, Seconds: s.seconds, Outcome: string(outcome)})
	}
	var b bytes.Buffer
	if err := r.Table(&b, TableOptions{}); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), b.String()) {
		t.Errorf("the README does not have what is printed:\n%s", b.String())
	}
}
