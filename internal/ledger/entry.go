package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/teei/slipway/internal/kube"
)

// Entry is a record that is being written. One process writes it at a time:
// when another one has taken over, writing fails with a *LostError.
type Entry struct {
	Record *Record

	ledger  *Ledger
	version string       // resource version of what was written last
	doubt   *kube.Object // a write of which nobody knows whether it was made

	kept  []Chunk                    // what Keep stored
	parts map[string]json.RawMessage // and what that is, by step
}

// LostError says that another process has taken the release over.
type LostError struct{ Release string }

func (e *LostError) Error() string { return e.Release + " was taken over by another run" }

// Hint says what to do about it.
func (e *LostError) Hint() string {
	return "this run changes nothing more; `slipway releases` shows what became of it"
}

// Add begins a release under the next number of the environment.
func (l *Ledger) Add(ctx context.Context, record Record) (*Entry, error) {
	records, err := l.Releases(ctx)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return nil, err
	}
	record.Platform, record.Environment, record.Namespace = l.Platform, l.Environment, l.Application
	record.State, record.Started = Running, time.Now().UTC()
	if record.Steps == nil {
		record.Steps = []Step{}
	}
	for record.Number = next(records); ; record.Number++ {
		obj, err := l.object(&record)
		if err != nil {
			return nil, err
		}
		made, err := l.cluster.Create(ctx, obj)
		if kube.Exists(err) {
			if made = l.written(ctx, obj); made == nil {
				continue // somebody was faster, or a damaged record has the number
			}
		} else if err != nil {
			return nil, err
		}
		e := &Entry{Record: &record, ledger: l, version: made.GetResourceVersion()}
		e.copy()
		return e, nil
	}
}

// written returns what the cluster holds, if it is exactly this object: then it
// was our own write, of which only the answer was lost.
func (l *Ledger) written(ctx context.Context, obj *kube.Object) *kube.Object {
	live, err := l.cluster.Read(ctx, obj)
	if err != nil || live == nil || !reflect.DeepEqual(live.Object["data"], obj.Object["data"]) || !reflect.DeepEqual(live.Object["binaryData"], obj.Object["binaryData"]) {
		return nil
	}
	return live
}

func next(records []*Record) int {
	if len(records) == 0 {
		return 1
	}
	return records[0].Number + 1
}

// Take continues a release that another process began. From then on that
// process cannot write it any more.
func (l *Ledger) Take(ctx context.Context, number int, fence int64) (*Entry, error) {
	record, stored, err := l.read(ctx, number)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, fmt.Errorf("continue %s: there is no such release", l.Name(number))
	}
	if record.Fence > fence {
		return nil, &LostError{Release: l.Name(number)}
	}
	record.Fence = fence
	e := &Entry{Record: record, ledger: l, version: stored.ResourceVersion}
	return e, e.write(ctx)
}

// Keep stores beforehand how things are before steps that may come, all in one:
// those that Begin is given the same for only refer to it.
func (e *Entry) Keep(ctx context.Context, before map[string]any) error {
	parts := map[string]json.RawMessage{}
	for name, how := range before {
		data, err := json.Marshal(how)
		if err != nil {
			return fmt.Errorf("record %s: %w", name, err)
		}
		parts[name] = data
	}
	data, err := json.Marshal(parts)
	if err != nil {
		return err
	}
	chunks, err := e.keep(ctx, data)
	if err != nil {
		return fmt.Errorf("record how things are: %w", err)
	}
	e.kept, e.parts = chunks, parts
	return nil
}

// Begin records that a step is about to be made, and how things are before it.
func (e *Entry) Begin(ctx context.Context, name string, before any) error {
	if err := e.open(ctx, name, before); err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	return e.write(ctx)
}

// Note records what is a step of its own, with nothing to do in it.
func (e *Entry) Note(ctx context.Context, name string, what any) error {
	if err := e.open(ctx, name, what); err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	e.Ended(name, nil)
	return e.write(ctx)
}

// open adds a step to the record.
func (e *Entry) open(ctx context.Context, name string, before any) error {
	step := Step{Name: name, Begun: time.Now().UTC()}
	if before != nil {
		data, err := json.Marshal(before)
		if err != nil {
			return err
		}
		if part, ok := e.parts[name]; ok && bytes.Equal(part, data) {
			step.Before, step.Part = e.kept, name
		} else if step.Before, err = e.keep(ctx, data); err != nil {
			return err
		}
	}
	e.Record.Steps = append(e.Record.Steps, step)
	return nil
}

// Answered keeps how long the slowest healthy answer in a step took; it is
// written with the end of the step.
func (e *Entry) Answered(name string, took time.Duration) {
	for i, step := range slices.Backward(e.Record.Steps) {
		if step.Name == name {
			e.Record.Steps[i].Answered = took.Seconds()
			return
		}
	}
}

// End records how the step of that name ended which was begun last.
func (e *Entry) End(ctx context.Context, name string, outcome error) error {
	if !e.Ended(name, outcome) {
		return fmt.Errorf("record %s: it was never begun", name)
	}
	return e.write(ctx)
}

// Ended is End that leaves the writing to whatever is written next. It reports
// whether there is such a step.
func (e *Entry) Ended(name string, outcome error) bool {
	for i := range slices.Backward(e.Record.Steps) {
		if step := &e.Record.Steps[i]; step.Name == name {
			now := time.Now().UTC()
			step.Ended, step.Error = &now, ""
			if outcome != nil {
				step.Error = e.redact(outcome.Error())
			}
			return true
		}
	}
	return false
}

func (e *Entry) redact(text string) string {
	if e.ledger.Redact == nil {
		return text
	}
	return e.ledger.Redact(text)
}

// Close records how the release ended.
func (e *Entry) Close(ctx context.Context, state State, verdict string) error {
	now := time.Now().UTC()
	if state != Released {
		verdict = e.redact(verdict)
	}
	e.Record.State, e.Record.Verdict, e.Record.Ended = state, verdict, &now
	if err := e.write(ctx); err != nil {
		return err
	}
	return e.ledger.prune(ctx)
}

// MarkRolledBack records of the releases after one that a rollback took them back.
func (l *Ledger) MarkRolledBack(ctx context.Context, after, rollback int) error {
	records, err := l.Releases(ctx)
	if err != nil && !errors.As(err, new(*DamagedError)) {
		return err // one that is damaged stands for nobody
	}
	for _, record := range records {
		if record.Number <= after || record.Number >= rollback || record.State != Released || record.RollbackTo != nil {
			continue
		}
		// Who watches the release may write its record at the same time.
		if _, err := l.Amend(ctx, record.Number, func(r *Record) error {
			r.State = RolledBack
			r.Notes = append(r.Notes, time.Now().UTC().Format(time.RFC3339)+" taken back by "+l.Name(rollback))
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// Amend changes what is known of a release that has ended. The change is made
// again if somebody else wrote the record meanwhile; it is nil if there is no such release.
func (l *Ledger) Amend(ctx context.Context, number int, change func(*Record) error) (*Record, error) {
	for {
		record, stored, err := l.read(ctx, number)
		if err != nil || record == nil {
			return nil, err
		}
		if err := change(record); err != nil {
			return nil, err
		}
		e := &Entry{Record: record, ledger: l, version: stored.ResourceVersion}
		if err = e.write(ctx); errors.As(err, new(*LostError)) && ctx.Err() == nil {
			continue
		}
		return record, err
	}
}

// Before reads how things were before a step, into what Begin was given.
func (l *Ledger) Before(ctx context.Context, step Step, into any) error {
	if len(step.Before) == 0 {
		return nil
	}
	var parts [][]byte
	for _, chunk := range step.Before {
		damaged := func(err error) error {
			return &DamagedError{Object: "Secret/" + l.Namespace + "/" + chunk.Secret, Err: err}
		}
		stored, err := kube.GetOne[corev1.Secret](ctx, l.cluster, kube.Secrets, l.Namespace, chunk.Secret)
		if err != nil {
			return err
		}
		if stored == nil {
			return damaged(errors.New("it is gone"))
		}
		if err := checkDigest(stored.Data[chunkKey], chunk.SHA256); err != nil {
			return damaged(err)
		}
		parts = append(parts, stored.Data[chunkKey])
	}
	data, err := join(parts)
	if err != nil {
		return fmt.Errorf("read what was before %s: %w", step.Name, err)
	}
	if step.Part == "" {
		return json.Unmarshal(data, into)
	}
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("read what was before %s: %w", step.Name, err)
	}
	if all[step.Part] == nil {
		return fmt.Errorf("read what was before %s: it was not kept", step.Name)
	}
	return json.Unmarshal(all[step.Part], into)
}

// keep writes data into Secrets and returns where it is.
func (e *Entry) keep(ctx context.Context, data []byte) ([]Chunk, error) {
	parts, err := split(data)
	if err != nil {
		return nil, err
	}
	immutable := true
	var chunks []Chunk
	for i, part := range parts {
		// Named after its contents: what a run that died left behind is the same, or in nobody's way.
		name := recordName(e.Record.Number) + "-" + strconv.Itoa(len(e.Record.Steps)) + "-" + strconv.Itoa(i) + "-" + digest(part)[:12]
		obj, err := kube.Untyped("v1", "Secret", corev1.Secret{
			ObjectMeta: e.ledger.meta(name, e.Record.Number),
			Immutable:  &immutable, Type: "slipway.dev/release", Data: map[string][]byte{chunkKey: part},
		})
		if err != nil {
			return nil, err
		}
		if _, err := e.ledger.cluster.Create(ctx, obj); err != nil && !kube.Exists(err) {
			return nil, err
		}
		chunks = append(chunks, Chunk{Secret: name, SHA256: digest(part)})
	}
	return chunks, nil
}

// write stores the record, if nobody else has written it meanwhile. A write
// that was given up on may have been made all the same, and is no other run's.
func (e *Entry) write(ctx context.Context) error {
	obj, err := e.ledger.object(e.Record)
	if err != nil {
		return err
	}
	for {
		obj.SetResourceVersion(e.version)
		made, err := e.ledger.cluster.Update(ctx, obj)
		switch {
		case err == nil:
			e.version, e.doubt = made.GetResourceVersion(), nil
			e.copy()
			return nil
		case !kube.Stale(err) && !kube.NotFound(err):
			e.doubt = obj
			return err
		}
		if made = e.ledger.written(ctx, obj); made != nil {
			e.version, e.doubt = made.GetResourceVersion(), nil
			e.copy()
			return nil
		}
		if e.doubt != nil {
			made = e.ledger.written(ctx, e.doubt)
		}
		if made == nil {
			return &LostError{Release: e.ledger.Name(e.Record.Number)}
		}
		e.version, e.doubt = made.GetResourceVersion(), nil
	}
}

// copy hands out what was written.
func (e *Entry) copy() {
	if e.ledger.Copy != nil {
		e.ledger.Copy(e.Record)
	}
}
