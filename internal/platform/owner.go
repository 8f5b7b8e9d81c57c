package platform

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// Owner is whose releases they are: those of one environment of one platform.
// Two platforms on one cluster may both have an environment of that name.
type Owner struct {
	Platform    string `json:"platform"`
	Environment string `json:"environment"`
	// Namespace that the platform's services run in, "" where it is not known.
	Namespace string `json:"namespace,omitempty"`
}

func (o Owner) String() string { return "platform " + o.Platform + ", environment " + o.Environment }

// longestName is what a namespace may be called.
const longestName = 63

// hashEnd is how a name ends that has a hash of both parts.
var hashEnd = regexp.MustCompile(`-[0-9a-f]{10}$`)

// Ledger is the namespace that releases are recorded in, slipway-PLATFORM-ENVIRONMENT.
// Without a hyphen in the environment, its last hyphen tells where the platform
// ends. Every other name, and one that is too long, ends in a hash of both parts:
// no two owners have the same.
func (o Owner) Ledger() string {
	name := "slipway-" + o.Platform + "-" + o.Environment
	if len(name) <= longestName && !strings.Contains(o.Environment, "-") && !hashEnd.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(o.Platform + "\x00" + o.Environment))
	end := "-" + hex.EncodeToString(sum[:])[:10]
	return strings.TrimRight(name[:min(len(name), longestName-len(end))], "-") + end
}
