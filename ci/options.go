package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"github.com/spf13/pflag"

	"github.com/teei/slipway/internal/platform"
)

// Options are the flags of ci.
type Options struct {
	Env      string        // environment of slipway.yaml; "" is the sandbox
	Root     string        // folder of slipway.yaml; found if empty
	Output   string        // folder of logs and report.json, absolute once resolved
	Affected string        // base to compare with, autoBase to find one, "" to run everything
	Jobs     int           // stages' parts at a time; 0 for all checks, and one image for each CPU
	Timeout  time.Duration // one check, or one service of a rollout, may take this long
	Inject   []string      // SERVICE:NAME=VALUE, set in one Deployment; sandbox only
	DryRun   bool
	JSON     bool
	FailFast bool
	NoCache  bool
	Verbose  bool

	given *pflag.FlagSet // what these came from; nil where nobody gave any
}

var injected = regexp.MustCompile(`^[^:=]+:[A-Za-z_][A-Za-z0-9_]*=`)

// autoBase is --affected without a value.
const autoBase = "auto"

func (o *Options) register(flags *pflag.FlagSet) {
	o.given = flags
	flags.StringVar(&o.Env, "env", "", "environment of slipway.yaml to release to (default: the sandbox, whatever the shell exports)")
	flags.StringVar(&o.Root, "root", "", "folder of slipway.yaml (default: found from here)")
	flags.StringVar(&o.Output, "output", "", "folder of logs and report.json (default: .slipway in the root)")
	flags.StringVar(&o.Affected, "affected", "", "run only the checks that changes since the merge base can reach; =BASE names another than the default branch")
	flags.Lookup("affected").NoOptDefVal = autoBase
	flags.IntVar(&o.Jobs, "jobs", 0, "run so many parts at a time (default: all checks, and an image for each CPU)")
	flags.DurationVar(&o.Timeout, "timeout", 15*time.Minute, "let one part take so long")
	flags.StringArrayVar(&o.Inject, "inject", nil, "set a variable in one service, as in q2q-ai:FAULT=exit, to see a release fail (sandbox only; may be repeated)")
	flags.BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.BoolVar(&o.JSON, "json", false, "print the result as JSON on standard output")
	flags.BoolVar(&o.FailFast, "fail-fast", false, "stop all checks at the first that fails")
	flags.BoolVar(&o.NoCache, "no-cache", false, "run everything again, the installation of packages too")
	flags.BoolVarP(&o.Verbose, "verbose", "v", false, "show all output as it comes")
}

// deadline is what --timeout says of one service of a rollout; 0 where it was not given.
func (o Options) deadline() time.Duration {
	if o.given == nil || !o.given.Changed("timeout") {
		return 0
	}
	return o.Timeout
}

// resolve finds the platform and fills in what depends on it. The note says
// which platform was chosen, if that is not obvious.
func (o *Options) resolve(dir string) (note string, err error) {
	if o.Jobs < 0 {
		return "", &platform.UsageError{Message: fmt.Sprintf("--jobs is how many parts run at a time, found %d", o.Jobs), Advice: "leave it out for the default"}
	}
	if o.Timeout <= 0 {
		return "", &platform.UsageError{Message: fmt.Sprintf("--timeout is how long one part may take, found %s", o.Timeout), Advice: "for example --timeout 30m; leave it out for 15 minutes"}
	}
	if len(o.Inject) > 0 && o.Env != "" {
		return "", &platform.UsageError{Message: "--inject breaks a release, so it is for the sandbox only", Advice: "leave out --env"}
	}
	for _, what := range o.Inject {
		if !injected.MatchString(what) {
			return "", &platform.UsageError{Message: "--inject takes SERVICE:NAME=VALUE, found " + shellWord(what), Advice: "for example --inject q2q-ai:FAULT=exit"}
		}
	}
	if o.Root == "" {
		if o.Root, err = platform.Find(dir); err != nil {
			return "", err
		}
		note = platform.Note(dir, o.Root)
	}
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return "", err
	}
	if o.Output == "" {
		o.Output = filepath.Join(o.Root, ".slipway")
	}
	o.Output, err = filepath.Abs(o.Output)
	return note, err
}

// imageJobs is how many images are built at a time.
func (o *Options) imageJobs() int {
	if o.Jobs > 0 {
		return o.Jobs
	}
	return max(2, runtime.NumCPU())
}
