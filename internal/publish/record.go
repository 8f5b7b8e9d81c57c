package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/github"
	"github.com/teei/slipway/internal/ledger"
)

// mostRecord is how much of a record a deployment carries, in bytes: GitHub does
// not say how much it takes. A longer one is in the artifact alone.
const mostRecord = 48 << 10

// carried is the payload of a deployment that carries a signed record: as text,
// since GitHub may write JSON in another way, and the signature is over bytes.
type carried struct {
	Release string `json:"release"`
	SHA256  string `json:"sha256"`
	Record  string `json:"record,omitempty"`
}

// Sign shows the signed record of a release as a deployment that was successful,
// with the record's digest in the status, so that whoever promotes the release
// needs neither an artifact that expires nor a way into the environment.
func (p Place) Sign(ctx context.Context, r *ledger.Record, signed []byte) error {
	sum := sha256.Sum256(signed)
	c := carried{Release: name(r), SHA256: hex.EncodeToString(sum[:])}
	if len(signed) <= mostRecord {
		c.Record = string(signed)
	}
	known, err := p.records(ctx, c.Release)
	if err != nil {
		return err
	}
	for _, d := range known {
		if d.SHA256 == c.SHA256 {
			return nil // signed before
		}
	}
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	id, err := p.GitHub.Deploy(ctx, github.Deployment{Ref: r.Source, Task: github.RecordTask, Environment: p.Rules.Environment, Description: "the signed record of " + c.Release, Payload: body})
	if err != nil {
		return err
	}
	return p.GitHub.SetStatus(ctx, id, github.DeploymentStatus{State: "success", Description: recordStatus(c.SHA256), LogURL: r.By.Run, EnvironmentURL: p.Rules.URL})
}

func recordStatus(digest string) string { return "signed record sha256:" + digest }

// Signed is the newest signed record of a release, such as staging #41, as it was
// signed; nil if GitHub has none. Who reads it checks the signature.
func (p Place) Signed(ctx context.Context, release string) ([]byte, error) {
	known, err := p.records(ctx, release)
	if err != nil {
		return nil, err
	}
	for _, d := range known {
		status, err := p.GitHub.Status(ctx, d.id)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(d.Record))
		if status != nil && status.State == "success" && d.Record != "" && strings.HasSuffix(status.Description, recordStatus(hex.EncodeToString(sum[:]))) {
			return []byte(d.Record), nil
		}
	}
	return nil, nil
}

type recordDeployment struct {
	carried
	id int64
}

// records are the deployments that carry one of a release, the newest first.
func (p Place) records(ctx context.Context, release string) (out []recordDeployment, _ error) {
	known, err := p.GitHub.Deployments(ctx, p.Rules.Environment, github.RecordTask)
	if err != nil {
		return nil, fmt.Errorf("look for the signed record of %s: %w", release, err)
	}
	for _, d := range known {
		var c carried
		if json.Unmarshal(d.Payload, &c) == nil && c.Release == release {
			out = append(out, recordDeployment{c, d.ID})
		}
	}
	return out, nil
}
