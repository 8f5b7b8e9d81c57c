package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/teei/slipway/internal/release"
	"github.com/teei/slipway/internal/rollout"
)

// TestWay: a rollback shows what it does to each object and to the data, and an
// uninstall what it deletes and keeps.
func TestWay(t *testing.T) {
	image := func(digit string) []string {
		return []string{"registry.example.org/shop/web@sha256:" + strings.Repeat(digit, 64)}
	}
	web := rollout.UndoPreview{ID: "Deployment/shop/web", Service: "web", Action: rollout.Restore, Now: image("2"), Then: image("1")}
	settings := rollout.UndoPreview{ID: "ConfigMap/shop/settings", Action: rollout.Restore}
	deleted := func(id string) rollout.UndoPreview { return rollout.UndoPreview{ID: id, Action: rollout.Delete} }
	held := deleted("StatefulSet/shop/queue")
	held.Claims = true
	away := rollout.UndoPreview{ID: "Widget/shop/w", Action: rollout.Restore, Problem: "no matches for kind Widget"}
	for _, tt := range []struct {
		name string
		way  Way
		want string
	}{
		{"one release", Way{Way: &release.Way{Environment: "production", To: 4, TakenBack: []int{5}, Objects: []rollout.UndoPreview{settings, web}, Migrations: []string{"0014_last"}}}, `production goes back to #4; taken back: #5
  restore  ConfigMap/shop/settings
  restore  Deployment/shop/web      web@sha256:222222222222 → web@sha256:111111111111
the data stay, and these migrations stay applied: 0014_last
`},
		{"with the data", Way{Way: &release.Way{Environment: "production", To: 3, TakenBack: []int{5, 4}, Migrations: []string{"0014_last"}}, Database: "a.dump"}, `production goes back to #3; taken back: #5, #4
  no object changes
the database goes back to a.dump; what was written since is lost
`},
		{"one that ended in the middle", Way{Way: &release.Way{Environment: "production", To: 4, Unfinished: 5, Continues: true, TakenBack: []int{5}, Objects: []rollout.UndoPreview{settings, away}}}, `production: #5 ended in the middle; taking it back leads to #4
  restore  ConfigMap/shop/settings
  restore  Widget/shop/w            it cannot be read: no matches for kind Widget
`},
		{"all", Way{Way: &release.Way{Environment: "production", TakenBack: []int{1}, Uninstalls: true, Ledger: "slipway-production", Objects: []rollout.UndoPreview{
			deleted("Deployment/shop/web"), deleted("StatefulSet/shop/store"), held, {ID: "PersistentVolumeClaim/shop/files", Action: rollout.Keep}}}}, `production is uninstalled (#1): nothing of it runs afterwards
  delete  Deployment/shop/web
  delete  StatefulSet/shop/store            its volume claims stay
  delete  StatefulSet/shop/queue            and its volume claims with it, as its persistentVolumeClaimRetentionPolicy says
  keep    PersistentVolumeClaim/shop/files  it may hold data, or is marked to be kept
the records of its releases stay, in namespace slipway-production
`},
		{"to what was adopted", Way{Way: &release.Way{Environment: "production", TakenBack: []int{1}, Objects: []rollout.UndoPreview{web}}}, `production goes back to before its first release; taken back: #1
what ran before slipway came goes back to how it was then
  restore  Deployment/shop/web  web@sha256:222222222222 → web@sha256:111111111111
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := tt.way.Table(&b); err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for line := range strings.Lines(b.String()) {
				got.WriteString(strings.TrimRight(line, " \n") + "\n")
			}
			if got.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), tt.want)
			}
		})
	}
}
