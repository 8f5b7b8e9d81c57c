package main

import (
	"strings"
	"testing"

	"github.com/teei/slipway/internal/ledger"
	"github.com/teei/slipway/testenv/github"
)

// TestProductionOutsideOfTheWindow: who waives the window needs another group, whose
// job runs then alone; without its approval nothing is released.
func TestProductionOutsideOfTheWindow(t *testing.T) {
	t.Parallel()
	p := productionOf(t, strings.NewReplacer(
		"waivable: [notes]", "waivable: [notes, window]\n      window: {zone: Europe/Oslo, weekly: [mon-sun 00:00-24:00], freezes: [{from: '2000-01-01', to: '2999-12-31'}]}",
		"users: [tom]}\n", "users: [tom]}\n        - {name: board, environment: production-override, users: [bea], waives: window}\n",
	).Replace(gatedPlatform), ledger.Record{})
	installed(t, p.dispatch)
	p.hub.Change(func(k *github.Known) {
		board := *k.Environments["production-oncall"]
		board.Name, board.Users = "production-override", []string{"bea"}
		k.Environments[board.Name] = &board
	})
	p.dispatch.Inputs["waive"] = "window=the fix of an outage"
	p.dispatch.Variables["SLIPWAY_GATE_WAIT"] = "0s"
	both := func(digest string) {
		p.review("tom", "approved", digest[:12], "production-oncall")
		p.review("vera", "approved", digest[:12], "production")
	}
	const job = "A release outside of the deployment window was approved."
	out, err := p.run(both)
	if err == nil || !strings.Contains(out, "approval/board: 0 of 1 approved it") || !strings.Contains(out, job) { // act waits for no reviewers
		t.Fatalf("without the board: %v\n%s", err, out)
	}
	p.dispatch.Run++
	p.knows()
	out, err = p.run(func(digest string) {
		both(digest)
		p.review("bea", "approved", digest[:12], "production-override")
	})
	if err != nil || !strings.Contains(out, job) {
		t.Fatalf("%v\n%s", err, out)
	}
	record, err := p.ledger.Release(t.Context(), 1)
	if err != nil || record == nil || len(record.Approvals) != 3 || record.Approvals[2].By != "bea" {
		t.Fatalf("%+v, %v", record, err)
	}
	for _, f := range record.Findings {
		if f.ID == "window" && (f.Waiver == nil || f.Waiver.By != "alice" || f.Waiver.Why != "the fix of an outage") {
			t.Errorf("%+v", f)
		}
	}
}
