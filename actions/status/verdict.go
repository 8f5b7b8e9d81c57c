package status

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/teei/slipway/internal/ledger"
)

// about says what the ledger knows, its records given newest first.
func (s *Status) about(ctx context.Context, l *ledger.Ledger, records []*ledger.Record) error {
	s.Summary = ledger.Sentence(records)
	if len(records) > 0 {
		s.Release, s.State = l.Name(records[0].Number), records[0].Word()
	}
	if at := ledger.Runs(records); at > 0 {
		s.Runs = l.Name(at)
	}
	unfinished, err := l.Unfinished(ctx)
	var unknown *ledger.UnknownEndError
	if errors.As(err, &unknown) {
		s.Unfinished, s.advice = unknown.Error(), unknown.Hint()
		return nil
	}
	if err != nil || unfinished == nil {
		return err
	}
	if unfinished.State == ledger.Running {
		if unfinished, err = l.Abandoned(ctx); err != nil || unfinished == nil {
			return err // its process lives: services come and go
		}
	}
	s.advice = fmt.Sprintf("`slipway resume --env %s` goes on, `slipway rollback --env %s --unfinished` takes it back", l.Environment, l.Environment)
	s.Unfinished = l.Name(unfinished.Number) + " ended in the middle, so two versions may run side by side"
	return nil
}

// verdict is an error where something is not as it should be.
func (s *Status) verdict(namespace string) error {
	troubled := s.troubled()
	if len(troubled) == 0 && s.Unfinished == "" {
		return nil
	}
	return &TroubleError{Environment: s.Environment, Namespace: namespace, Release: s.Release, Unfinished: s.Unfinished, Advice: s.advice, Services: troubled}
}

// TroubleError names what is not as it should be.
type TroubleError struct {
	Environment, Namespace string
	Release                string // the newest one, "" before the first
	Unfinished             string // what is wrong with it
	Advice                 string // what to do about that
	Services               []string
}

func (e *TroubleError) Error() string {
	var parts []string
	if e.Unfinished != "" {
		parts = append(parts, e.Unfinished)
	}
	if len(e.Services) > 0 {
		parts = append(parts, e.Environment+" has services in trouble: "+strings.Join(e.Services, ", "))
	}
	return strings.Join(parts, "; ")
}

// Hint says where to look further.
func (e *TroubleError) Hint() string {
	switch {
	case e.Release == "":
		return "nothing was released to it yet; `slipway plan` shows what a release would do"
	case e.Unfinished != "":
		return e.Advice
	}
	return fmt.Sprintf("`kubectl -n %s get pods` lists them; `slipway verify` says of each what is wrong", e.Namespace)
}
