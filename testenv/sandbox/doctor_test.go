package sandbox

import (
	"strings"
	"testing"
)

func TestDoctorComparesVersions(t *testing.T) {
	t.Parallel()
	for found, met := range map[string]bool{"go1.26.0": true, "go1.26.8": true, "go1.27rc1": true, "go1.25.9": false, "go1.3": false, "": false} {
		if f := recentGo(found); f.met != met || !strings.Contains(f.hint, "1.26") {
			t.Errorf("%q: %+v", found, f)
		}
	}
	for found, met := range map[string]bool{"v20.0.0": true, "v22.18.0": true, "v18.20.4": false, "v9.1.0": false, "": false} {
		if f := recentNode(found); f.met != met || !strings.Contains(f.hint, "20") {
			t.Errorf("%q: %+v", found, f)
		}
	}
	if f := recentNode(""); f.what != "Node: none" {
		t.Errorf("%+v", f)
	}
}

// What `up` installs by itself is nothing to mend.
func TestDoctorLeavesPackagesToUp(t *testing.T) {
	t.Parallel()
	if f := debianPackages([]string{"runc"}, true); !f.met || !strings.Contains(f.what, "`up` installs runc") {
		t.Errorf("as root: %+v", f)
	}
	if f := debianPackages([]string{"runc"}, false); f.met || !strings.Contains(f.hint, "runc") {
		t.Errorf("without root or apt: %+v", f)
	}
	if f := debianPackages(nil, false); !f.met {
		t.Errorf("with all of them there: %+v", f)
	}
}
