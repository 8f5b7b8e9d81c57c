// Package ledger records releases in the cluster that they change: what a
// release is about to do before it does it, and how it ended after that. A
// process that dies loses nothing, and the next one continues or takes back.
//
// It lives in a namespace of its own, slipway-PLATFORM-ENVIRONMENT, which
// applications cannot write, and which is marked with whose it is:
//
//	Lease      release                  who may release now
//	ConfigMap  release-000042           the record of release 42
//	Secret     release-000042-STEP-…    how things were before a step, or several, compressed
//
// How things were is kept in Secrets because manifests may hold secrets.
package ledger

import (
	"fmt"
	"regexp"
	"sync/atomic"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/internal/platform"
)

// DefaultKeep is how many releases are kept.
const DefaultKeep = 50

// Ledger is the releases of one environment of one platform.
type Ledger struct {
	Platform    string
	Environment string
	// Application is the namespace that is released to, "" where it is not known.
	Application string
	// Namespace of the ledger itself.
	Namespace string
	// Keep is how many releases are kept; unfinished ones do not count. Default: DefaultKeep.
	Keep int
	// Redact takes secrets out of errors and verdicts before they are written; nil if
	// nobody knows any.
	Redact func(string) string
	// Copy is given each record as it was written, to be read when the cluster is
	// away; nil for nobody. What becomes of a copy stops no release.
	Copy func(*Record)

	cluster *kube.Cluster
	checked atomic.Bool // the namespace is ours
	claimed atomic.Bool // so is the application's
	alone   atomic.Bool // no older version has recorded releases of the environment
	former  bool        // it is what an older version wrote
}

// environmentName is what a namespace may be called, with room for the prefix.
var environmentName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,45}[a-z0-9])?$`)

// NamespaceError says that there is no namespace for a ledger and none could be made.
type NamespaceError struct {
	Namespace string
	Err       error
}

func (e *NamespaceError) Error() string { return "open the ledger: " + e.Err.Error() }

// Unwrap returns the cause, which names the verb and the resource.
func (e *NamespaceError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *NamespaceError) Hint() string {
	return "let somebody who may create the namespace " + e.Namespace + " and the role in it: docs/rbac.md"
}

// Open is the ledger of an environment. Its namespace is made when somebody
// releases for the first time.
func Open(cluster *kube.Cluster, of platform.Owner) (*Ledger, error) {
	if !environmentName.MatchString(of.Environment) {
		return nil, fmt.Errorf("open the ledger of %q: the name of an environment is small letters, digits and dashes, 47 at most", of.Environment)
	}
	if of.Platform == "" {
		return nil, fmt.Errorf("open the ledger of %s: the platform has no name", of.Environment)
	}
	return &Ledger{Platform: of.Platform, Environment: of.Environment, Application: of.Namespace, Namespace: of.Ledger(), cluster: cluster}, nil
}

// Owner is whose ledger it is.
func (l *Ledger) Owner() platform.Owner {
	return platform.Owner{Platform: l.Platform, Environment: l.Environment, Namespace: l.Application}
}

// Name of a release, for people: production #42.
func (l *Ledger) Name(number int) string { return fmt.Sprintf("%s #%d", l.Environment, number) }
