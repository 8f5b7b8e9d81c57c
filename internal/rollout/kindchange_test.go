package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/teei/slipway/testenv/testenv"
)

// noted is a journal that keeps what each step changes.
type noted struct{ changes []Change }

func (n *noted) Prepare(context.Context, map[string][]Change) error { return nil }
func (n *noted) Begin(_ context.Context, _ string, changes []Change) error {
	n.changes = append(n.changes, changes...)
	return nil
}
func (n *noted) Answered(string, time.Duration)           {}
func (n *noted) End(context.Context, string, error) error { return nil }
func (n *noted) Ended(string)                             {}

// workloads are the live ones that can be a service, as Kind/name.
func (s *scene) workloads() (found []string) {
	s.t.Helper()
	out := testenv.Kubectl(s.t, "-n", s.namespace, "get", "deployments,statefulsets,daemonsets", "-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {end}`)
	return strings.Fields(out)
}

// A workload of another kind takes the place of the old one, once it is healthy;
// where it is not, and in a rollback, the old one is there again and alone.
func TestDeployAnotherKind(t *testing.T) {
	for _, kinds := range [][2]string{{"Deployment", "StatefulSet"}, {"StatefulSet", "Deployment"}} {
		t.Run(kinds[0], func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			only := func(kind string) {
				t.Helper()
				if found := s.workloads(); !slices.Equal(found, []string{kind + "/store"}) {
					t.Errorf("there are %q", found)
				}
			}
			if _, err := Deploy(t.Context(), s.kindOptions(kinds[0], map[string]string{"VERSION": "1"})); err != nil {
				t.Fatal(err)
			}
			broken := s.kindOptions(kinds[1], map[string]string{"VERSION": "2", "EXIT": "no disk"})
			if result, err := Deploy(t.Context(), broken); err == nil || !result.Undone[0].Verified {
				t.Fatalf("%v, %+v", err, result.Undone)
			}
			only(kinds[0])

			o := s.kindOptions(kinds[1], map[string]string{"VERSION": "2"})
			preview, err := Preview(t.Context(), o)
			if err != nil || preview[0].Retired == nil || preview[0].Retired.GetKind() != kinds[0] {
				t.Fatalf("%v, %+v", err, preview)
			}
			journal := &noted{}
			o.Journal = journal
			if result, err := Deploy(t.Context(), o); err != nil || result.Objects[0].Action != "deleted" {
				t.Fatalf("%v, %+v", err, result.Objects)
			}
			only(kinds[1])
			back, err := Undo(t.Context(), t.Context(), o, journal.changes)
			if err != nil || len(back.Undone) != 2 || back.Undone[0].Action != "restored" || !back.Undone[0].Verified || back.Undone[1].Action != "deleted" {
				t.Fatalf("%v, %+v", err, back.Undone)
			}
			only(kinds[0])
		})
	}
}

// What slipway did not make, and what would take volumes along, stays; then nothing
// is released.
func TestRefusesAnotherKind(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ kind, patch, want string }{
		"made by somebody":   {"Deployment", `{"metadata": {"labels": {"app.kubernetes.io/managed-by": "mara"}}}`, "slipway did not make the old one"},
		"deletes its claims": {"StatefulSet", `{"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}`, "the volumes of the old one would be deleted with it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			if _, err := Deploy(t.Context(), s.kindOptions(tt.kind, map[string]string{"VERSION": "1"})); err != nil {
				t.Fatal(err)
			}
			testenv.Kubectl(t, "-n", s.namespace, "patch", tt.kind, "store", "--type=merge", "--patch", tt.patch)
			_, err := Deploy(t.Context(), s.kindOptions("DaemonSet", map[string]string{"VERSION": "2"}))
			var refused *KindError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(refused.Hint(), "kubectl -n "+s.namespace+" delete "+strings.ToLower(tt.kind)+" store") {
				t.Errorf("%v", err)
			}
			if found := s.workloads(); len(found) != 1 {
				t.Errorf("there are %q", found)
			}
		})
	}
}

// A run that ended between the new one and the deletion of the old one is gone on
// with: both are there then, and one is afterwards, whichever way it goes.
func TestResumeAnotherKind(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprintf("back %t", back), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			if _, err := Deploy(t.Context(), s.kindOptions("Deployment", map[string]string{"VERSION": "1"})); err != nil {
				t.Fatal(err)
			}
			o := s.kindOptions("StatefulSet", map[string]string{"VERSION": "2"})
			journal, dying := &noted{}, o
			ctx, die := context.WithCancel(t.Context())
			dying.Journal, dying.Leave = journal, true
			dying.Progress = func(p Progress) {
				if p.Phase == Probing {
					die()
				}
			}
			if _, err := Deploy(ctx, dying); err == nil || len(s.workloads()) != 2 {
				t.Fatalf("%v, there are %q", err, s.workloads())
			}
			want := "StatefulSet/store"
			if back {
				want = "Deployment/store"
				if _, err := Undo(t.Context(), t.Context(), o, journal.changes); err != nil {
					t.Fatal(err)
				}
			} else {
				o.Earlier = journal.changes
				if _, err := Deploy(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}
			if found := s.workloads(); !slices.Equal(found, []string{want}) {
				t.Errorf("there are %q", found)
			}
		})
	}
}

// A workload that took the place of another kind is not deleted while that one does
// not come back: nothing would serve.
func TestAnotherKindStaysWhereTheOldOneIsDown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	if _, err := Deploy(t.Context(), s.kindOptions("Deployment", map[string]string{"VERSION": "1"})); err != nil {
		t.Fatal(err)
	}
	o, journal := s.kindOptions("StatefulSet", map[string]string{"VERSION": "2"}), &noted{}
	o.Journal = journal
	if _, err := Deploy(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, c := range journal.changes {
		if c.Before != nil { // what it was does not start any more
			containers, _, _ := unstructured.NestedSlice(c.Before.Object, "spec", "template", "spec", "containers")
			containers[0].(map[string]any)["command"] = []any{"node", "-e", "process.exit(3)"}
			_ = unstructured.SetNestedSlice(c.Before.Object, containers, "spec", "template", "spec", "containers")
		}
	}
	back, err := Undo(t.Context(), t.Context(), o, journal.changes)
	if !errors.Is(err, errServesAlone) || len(back.Undone) != 2 || back.Undone[1].Action != Kept || back.Undone[1].Verified {
		t.Errorf("%v, %+v", err, back.Undone)
	}
	if found := s.workloads(); !slices.Contains(found, "StatefulSet/store") {
		t.Errorf("there are %q", found)
	}
}
