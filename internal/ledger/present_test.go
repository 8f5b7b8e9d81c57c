package ledger

import "testing"

// TestSentence: after each end of the newest release, what runs is named.
func TestSentence(t *testing.T) {
	zero, two := 0, 2
	released, failed, gone := Record{State: Released}, Record{State: Failed}, Record{State: RolledBack}
	back, uninstalled := Record{State: Released, RollbackTo: &two, Images: map[string]string{"web": "a"}}, Record{State: Released, RollbackTo: &zero}
	adopted := Record{State: Released, RollbackTo: &zero, Images: map[string]string{"web": "a"}}
	for _, tt := range []struct {
		name    string
		records []Record // oldest first
		runs    int
		want    string
	}{
		{"nothing", nil, 0, "nothing was released yet"},
		{"the first", []Record{released}, 1, "runs #1"},
		{"the first that failed", []Record{failed}, 0, "no release runs; #1 failed and was rolled back"},
		{"one that failed", []Record{released, released, released, failed}, 3, "runs #3; #4 failed and was rolled back"},
		{"two that failed", []Record{released, failed, failed}, 1, "runs #1; #3 failed and was rolled back"},
		{"a rollback", []Record{released, released, gone, back}, 2, "runs #2; #4 went back to it"},
		{"one that failed after a rollback", []Record{released, released, gone, back, failed}, 2, "runs #2; #5 failed and was rolled back"},
		{"a rollback that had not begun", []Record{released, released, {State: Failed, RollbackTo: &zero}}, 2, "runs #2; #3, a rollback, failed before it changed anything"},
		{"one under way", []Record{released, {State: Running}}, 1, "runs #1; #2 is under way, or ended in the middle"},
		{"the first under way", []Record{{State: Running}}, 0, "no release runs; #1 is under way, or ended in the middle"},
		{"one that is stuck", []Record{released, {State: Stuck}}, 1, "#2 is stuck: part of it and part of what ran before (#1) may run side by side"},
		{"an uninstall", []Record{gone, uninstalled}, 0, "nothing runs; #2 uninstalled it"},
		{"a rollback to before slipway", []Record{gone, adopted}, 0, "runs what was there before its first release; #2 went back to that"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var records []*Record
			for i := len(tt.records) - 1; i >= 0; i-- {
				tt.records[i].Number = i + 1
				records = append(records, &tt.records[i])
			}
			if got := Sentence(records); got != tt.want || Runs(records) != tt.runs {
				t.Errorf("got %q and #%d, want %q and #%d", got, Runs(records), tt.want, tt.runs)
			}
		})
	}
}
