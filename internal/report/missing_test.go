package report

import (
	"slices"
	"testing"

	"github.com/teei/slipway/internal/plan"
)

func TestPlannedNamesWhatIsMissing(t *testing.T) {
	p := Planned{Plan: &plan.Plan{Missing: []plan.Missing{
		{ID: "Secret/shop/keys", Key: "token", For: []string{"Deployment/shop/web", "Job/shop/seed"}},
		{ID: "Secret/shop/tls", For: []string{"Deployment/shop/web"}, By: "Certificate/shop/tls"},
	}}}
	want := []string{
		"key token of Secret/shop/keys is not there and in no manifest; Deployment/shop/web and Job/shop/seed cannot start without it",
		"Secret/shop/tls is not there; Certificate/shop/tls may make it for Deployment/shop/web",
	}
	if got := p.Missing(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
