package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// boxParts are all processes of a box made from bins. Without an engine among
// them, Docker provides it.
func boxParts(bins Binaries) []part {
	parts := append(servers(), kubernetes(bins)...)
	if bins.hasEngine() {
		parts = append(parts, engine(bins))
	}
	return parts
}

// asked are all that must answer: the parts of a box, and Docker where that
// provides the engine.
func asked(bins Binaries) []part {
	parts := boxParts(bins)
	if !bins.hasEngine() {
		parts = append(parts, docker())
	}
	return parts
}

// Up starts what does not run and returns when all of it answers. Calling it
// again is harmless, also after a crash of the sandbox, of a part, of a former
// Up or of the machine.
func Up(ctx context.Context, log *Log) error {
	if os.Geteuid() != 0 {
		return needsRoot(lacking())
	}
	testenv, err := sources()
	if err != nil {
		return err
	}
	command, err := takeTurn(ctx, log)
	if err != nil {
		return err
	}
	defer command.Close()
	if up, err := answers(ctx, testenv); err != nil || up {
		return err
	}
	if err := installPackages(ctx, log); err != nil {
		return err
	}
	bins, err := makeBinaries(ctx, testenv, !dockerAnswers(ctx), log)
	if err != nil {
		return err
	}
	if err := ensureBox(ctx, bins, log); err != nil {
		return err
	}
	if err := waitFor(ctx, log, bins, "registry"); err != nil {
		return err
	}
	if err := fillMirror(ctx, bins, log); err != nil {
		return err
	}
	if err := waitFor(ctx, log, bins); err != nil {
		return err
	}
	if err := furnishPlatform(ctx); err != nil {
		return err
	}
	return writeEnv(bins)
}

// takeTurn waits for another up or down to finish.
func takeTurn(ctx context.Context, log *Log) (*os.File, error) {
	f, err := tryLock(commandLock)
	if f != nil || err != nil {
		return f, err
	}
	err = log.Step("wait for another testenv command", func() error {
		f, err = waitLock(ctx, commandLock)
		return err
	})
	return f, err
}

// answers tells whether everything is up already: the box, made from the
// same pins, and every part of it.
func answers(ctx context.Context, testenv string) (bool, error) {
	runs, err := boxRuns()
	if err != nil || !runs || !exists(EnvFile) {
		return false, err
	}
	key, err := pins(testenv)
	if err != nil {
		return false, err
	}
	bins := boxBinaries()
	if filepath.Base(string(bins)) != "bin-"+key {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 900*time.Millisecond)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range asked(bins) {
		if p.ready != nil {
			g.Go(func() error { return p.ready(ctx) })
		}
	}
	return g.Wait() == nil, nil
}

// ensureBox makes sure that a box made from bins runs.
func ensureBox(ctx context.Context, bins Binaries, log *Log) error {
	runs, err := boxRuns()
	if err != nil {
		return err
	}
	if was := boxRecord(); runs && was != record(bins) {
		why := "The pins have changed"
		if was.bins() == bins {
			why = "Docker is gone, and the engine with it"
		}
		log.Say("%s: the sandbox starts anew.", why)
		if err := stopBox(ctx); err != nil {
			return err
		}
		runs = false
	}
	if runs {
		return nil
	}
	// Whatever a crash or a restart of the machine left.
	if err := cleanMachine(ctx); err != nil {
		return err
	}
	if err := checkAddresses(); err != nil {
		return err
	}
	for _, dir := range []string{runDir, stateDir, cacheDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := makePKI(); err != nil {
		return err
	}
	if err := os.WriteFile(boxFile, []byte(record(bins)), 0o644); err != nil {
		return err
	}
	lock, err := tryLock(boxLock)
	if err != nil {
		return err
	}
	if lock == nil {
		return errors.New("another sandbox started at the same moment")
	}
	defer lock.Close()
	_, err = startBox(lock, bins)
	return err
}

// made is what a box was made of. An engine that is built later, because Docker
// went away, is not in it.
type made string

const (
	boxFile       = runDir + "/bins"
	withoutEngine = "\nwithout an engine\n"
)

func record(bins Binaries) made {
	if bins.hasEngine() {
		return made(bins)
	}
	return made(bins) + withoutEngine
}

func (m made) bins() Binaries { return Binaries(strings.TrimSuffix(string(m), withoutEngine)) }

func boxRecord() made {
	data, _ := os.ReadFile(boxFile)
	return made(data)
}

func boxBinaries() Binaries { return boxRecord().bins() }

// checkAddresses refuses networks that the machine already uses for others.
func checkAddresses() error {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	for _, cidr := range []string{subnet, engineNet, podNet, svcNet} {
		_, ours, _ := net.ParseCIDR(cidr)
		for _, a := range addrs {
			if theirs, ok := a.(*net.IPNet); ok && (ours.Contains(theirs.IP) || theirs.Contains(ours.IP)) {
				return &Hint{fmt.Errorf("the machine has the address %s, and the sandbox needs %s for itself", a, cidr), "leave that network (a VPN?) or stop what uses it"}
			}
		}
	}
	return nil
}

// waitFor waits until the named parts answer; all of them if none is named.
func waitFor(ctx context.Context, log *Log, bins Binaries, names ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	what := "start the sandbox"
	if len(names) > 0 {
		what = "start " + strings.Join(names, ", ")
	}
	return log.Step(what, func() error {
		g, ctx := errgroup.WithContext(ctx)
		for _, p := range boxParts(bins) {
			if p.ready == nil || len(names) > 0 && !contains(names, p.name) {
				continue
			}
			g.Go(func() error { return p.wait(ctx) })
		}
		return g.Wait()
	})
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// wait asks a booting server until it answers; it has no other way to tell.
func (p part) wait(ctx context.Context) error {
	for {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := p.ready(try)
		cancel()
		if err == nil {
			return nil
		}
		if runs, _ := boxRuns(); !runs {
			return fmt.Errorf("the sandbox ended while %s was starting; see %s", p.name, logPath("box"))
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(logPath(p.name))
			return fmt.Errorf("%s does not answer: %w\n%s\n  all of it: %s", p.name, err, lastLines(string(text), 8), logPath(p.name))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
