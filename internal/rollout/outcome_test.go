package rollout

import "testing"

// TestJudge: what became of a service, however its release ended.
func TestJudge(t *testing.T) {
	failure := &Failure{Service: "web", Reason: "it exits"}
	back := func(verified bool) []Undone {
		return []Undone{{ID: "ConfigMap/shop/web"}, {ID: "Deployment/shop/web", Service: "web", Verified: verified}}
	}
	for _, tt := range []struct {
		name   string
		result Result
		web    ServiceResult
		want   Outcome
	}{
		{"it runs", Result{}, ServiceResult{Healthy: true, Changed: true}, Released},
		{"nothing to change", Result{}, ServiceResult{Healthy: true}, Unchanged},
		{"it failed and went back", Result{Failure: failure, Undone: back(true)}, ServiceResult{Failed: true, Changed: true}, Broken},
		{"it failed before anything was written", Result{Failure: &Failure{}}, ServiceResult{Failed: true}, Broken},
		{"it ended after it was healthy", Result{Failure: failure, Undone: back(true)}, ServiceResult{Healthy: true, Changed: true}, Broken},
		{"another one failed", Result{Failure: &Failure{Service: "api"}, Undone: back(true)}, ServiceResult{Healthy: true, Changed: true}, Restored},
		{"another one of its group failed", Result{Failure: &Failure{Service: "api"}, Undone: back(true)}, ServiceResult{Changed: true}, Restored},
		{"the platform failed", Result{Failure: &Failure{}, Undone: back(true)}, ServiceResult{Healthy: true, Changed: true}, Restored},
		{"the platform failed, it had not changed", Result{Failure: &Failure{}}, ServiceResult{Healthy: true}, Unchanged},
		{"it could not go back", Result{Failure: &Failure{Service: "api"}, Undone: back(false)}, ServiceResult{Healthy: true, Changed: true}, Broken},
		{"there was no time to take it back", Result{Failure: &Failure{}}, ServiceResult{Healthy: true, Changed: true}, Released},
		{"the release ended before its turn", Result{Failure: &Failure{Service: "api"}}, ServiceResult{}, NotReached},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.web.Name = "web"
			tt.result.Services = []ServiceResult{tt.web}
			tt.result.Judge()
			if got := tt.result.Services[0].Outcome; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
