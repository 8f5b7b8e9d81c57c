// Package plan holds what a release would do as data: the plan, the evidence
// for it, and the digests that an approval is given for.
package plan

import "slices"

// Version of the format. A plan of another version is refused.
const Version = 1

// Plan is exactly what a release would do, and nothing that is different the
// next time one asks: made again in the same situation, it is the same, byte by
// byte. It holds no secret.
type Plan struct {
	Version     int    `json:"version"`
	Environment string `json:"environment"`
	Namespace   string `json:"namespace"`
	// By is who asked for it.
	By string `json:"by"`
	// Source is the commit, PlatformFile the SHA-256 of slipway.yaml.
	Source       string `json:"source"`
	PlatformFile string `json:"platformFile"`
	// From is the release whose images are promoted, such as "staging #41".
	From string `json:"from,omitempty"`
	// Only are the services that were asked for; all, if there are none.
	Only []string `json:"only,omitempty"`
	// LeftOut are the objects of the manifests that belong to none of these.
	LeftOut []string `json:"leftOut,omitempty"`
	// Excluded are the hooks of other tools among the manifests, which are not applied.
	Excluded []string `json:"excluded,omitempty"`
	// Left are objects that earlier releases made and the manifests do not have any
	// more: they stay where they are until somebody deletes them.
	Left []string `json:"left,omitempty"`
	// Services in the order in which they are released.
	Services []Service `json:"services"`
	// Objects that would be different, in the order in which they are applied.
	Objects []Object `json:"objects"`
	// Given are the Secrets that the pods are given and that no manifest has: what they
	// hold is not the release's, but what was approved was approved with it.
	Given []Given `json:"given,omitempty"`
	// Missing is what pods that are made refer to, and what is not there and in no
	// manifest either.
	Missing []Missing `json:"missing,omitempty"`
	// Migrator is the image that applies migrations, by digest.
	Migrator string `json:"migrator,omitempty"`
	// Restore says that a release that fails after its migrations goes back to
	// the backup by itself, and loses what was written since.
	Restore bool `json:"restore,omitempty"`
	// Migrations that are pending.
	Migrations []Migration `json:"migrations"`
}

// Service is one service of the platform.
type Service struct {
	Name string `json:"name"`
	// Before and After are the images, by digest; Before is "" for a new service.
	Before string `json:"before,omitempty"`
	After  string `json:"after"`
	// Changed says that its pods are replaced.
	Changed bool `json:"changed"`
	// Port and Health are where its new pods are asked.
	Port   int    `json:"port"`
	Health string `json:"health"`
}

// What happens to an object.
const (
	Create  = "create"
	Change  = "change"
	Replace = "replace" // it cannot be changed, so it is deleted and another one made
	Own     = "own"     // its content stays, slipway becomes the owner of fields
	Delete  = "delete"  // another kind of the same name takes its place
	Leave   = "leave"   // the manifests do not have it any more, and it stays where it is
)

// Object is one object of the cluster that would be written.
type Object struct {
	// ID is Kind/namespace/name.
	ID      string  `json:"id"`
	Service string  `json:"service,omitempty"`
	Action  string  `json:"action"`
	Fields  []Field `json:"fields"`
}

// Field is one value that would be different, as JSON; nil is none. What is
// secret is a keyed hash instead, which only shows whether it changed.
type Field struct {
	Path   string  `json:"path"`
	Before *string `json:"before"`
	After  *string `json:"after"`
	Secret bool    `json:"secret,omitempty"`
}

// Given is a Secret that somebody else keeps.
type Given struct {
	ID string `json:"id"` // Secret/namespace/name
	// Hash of what it holds, keyed; "" where it is not there.
	Hash string `json:"hash,omitempty"`
}

// Missing is an object, or a key in one, that pods need to start.
type Missing struct {
	ID  string `json:"id"` // Kind/namespace/name
	Key string `json:"key,omitempty"`
	// For are the workloads that refer to it.
	For []string `json:"for"`
	// By is the object of the manifests whose controller may make it; "" if there is none.
	By string `json:"by,omitempty"`
}

// String is key token of Secret/shop/keys, or Secret/shop/keys.
func (m Missing) String() string {
	if m.Key != "" {
		return "key " + m.Key + " of " + m.ID
	}
	return m.ID
}

// Migration is one that the release applies.
type Migration struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	SQL    string `json:"sql"`
}

// Empty reports whether a release would change nothing.
func (p *Plan) Empty() bool { return len(p.Objects) == 0 && len(p.Migrations) == 0 }

// Changed are the names of the services whose pods are replaced.
func (p *Plan) Changed() []string {
	var names []string
	for _, s := range p.Services {
		if s.Changed {
			names = append(names, s.Name)
		}
	}
	return names
}

// MigratorImage is the name of the migrator among the images of the services.
const MigratorImage = "migrate"

// Images by service, as the release wants them, and the migrator's.
func (p *Plan) Images() map[string]string {
	images := map[string]string{}
	for _, s := range p.Services {
		if s.After != "" {
			images[s.Name] = s.After
		}
	}
	if p.Migrator != "" {
		images[MigratorImage] = p.Migrator
	}
	return images
}

// Before are the images of the services that run another one so far, "" for a
// service that is new.
func (p *Plan) Before() map[string]string {
	images := map[string]string{}
	for _, s := range p.Services {
		if s.Before != s.After {
			images[s.Name] = s.Before
		}
	}
	return images
}

// Secrets are the fields with secrets that would change, as object and path.
func (p *Plan) Secrets() []string {
	var names []string
	for _, o := range p.Objects {
		for _, f := range o.Fields {
			if f.Secret {
				names = append(names, o.ID+" "+f.Path)
			}
		}
	}
	return slices.Compact(names)
}
