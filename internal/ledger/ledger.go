// Package ledger records releases in the cluster that they change: what a
// release is about to do before it does it, and how it ended after that. A
// process that dies loses nothing, and the next one continues or takes back.
//
// It lives in a namespace of its own, slipway-ENVIRONMENT, which applications
// cannot write:
//
//	Lease      release                  who may release now
//	ConfigMap  release-000042           the record of release 42
//	Secret     release-000042-STEP-…    how things were before a step, or several, compressed
//
// How things were is kept in Secrets because manifests may hold secrets.
package ledger

import (
	"context"
	"fmt"
	"regexp"

	"github.com/teei/slipway/internal/kube"
)

// DefaultKeep is how many releases are kept.
const DefaultKeep = 50

// Ledger is the releases of one environment.
type Ledger struct {
	Environment string
	Namespace   string
	// Keep is how many releases are kept; unfinished ones do not count. Default: DefaultKeep.
	Keep int
	// Copy is given each record as it was written, to be read when the cluster is
	// away; nil for nobody. What becomes of a copy stops no release.
	Copy func(*Record)

	cluster *kube.Cluster
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
func Open(cluster *kube.Cluster, environment string) (*Ledger, error) {
	if !environmentName.MatchString(environment) {
		return nil, fmt.Errorf("open the ledger of %q: the name of an environment is small letters, digits and dashes, 47 at most", environment)
	}
	return &Ledger{Environment: environment, Namespace: "slipway-" + environment, cluster: cluster}, nil
}

// found makes the namespace if there is none. Where that is not allowed, the
// error is a *NamespaceError.
func (l *Ledger) found(ctx context.Context) error {
	err := l.cluster.EnsureNamespace(ctx, l.Namespace)
	if kube.Refused(err) {
		return &NamespaceError{Namespace: l.Namespace, Err: err}
	} else if err != nil {
		return fmt.Errorf("open the ledger of %s: %w", l.Environment, err)
	}
	return nil
}

// Name of a release, for people: production #42.
func (l *Ledger) Name(number int) string { return fmt.Sprintf("%s #%d", l.Environment, number) }
