package main

import (
	"slices"
	"strings"

	"github.com/teei/slipway/internal/platform"
)

// A stage is one part of the pipeline that can be asked for by name.
type stage struct {
	Name  string
	Short string
}

// onlyByName are the stages that nobody gets who names none.
var onlyByName = []string{"plan", "accept", "dev"}

// releaseStages follow the checks, in this order.
var releaseStages = []stage{
	{"images", "make an image for each service, and one for migrations, and push them"},
	{"backup", "dump the database, restore the dump and compare"},
	{"plan", "say what a release would change, for people to approve; changes nothing"},
	{"migrate", "show the pending migrations and run them"},
	{"deploy", "release the services one by one, in order, each verified"},
	{"accept", "try what was released from outside, with tests of the workspace"},
}

var checkShort = map[string]string{
	"test":      "run the tests, with servers of their own",
	"e2e":       "run the end-to-end tests, with servers of their own",
	"typecheck": "check the types",
	"lint":      "check the style",
	"build":     "build everything",
}

// allStages are those that exist, in the order they run in.
func allStages() []stage {
	var all []stage
	for _, name := range platform.CheckNames {
		all = append(all, stage{name, checkShort[name]})
	}
	return append(append(all, releaseStages...), stage{"dev", "run the platform here, on its own ports, until Ctrl-C"})
}

// chosen are the stages that the words ask for, in the order they run in.
func chosen(words []string) ([]string, error) {
	var known []string
	for _, s := range allStages() {
		known = append(known, s.Name)
	}
	if len(words) == 0 {
		return slices.DeleteFunc(known, func(name string) bool { return slices.Contains(onlyByName, name) }), nil
	}
	wanted := map[string]bool{}
	for _, word := range words {
		switch {
		case word == "check":
			for _, name := range platform.CheckNames {
				wanted[name] = true
			}
		case slices.Contains(known, word):
			wanted[word] = true
		default:
			return nil, unknownStage(word, append(known, "check", "list", "affected", "doctor"))
		}
	}
	if wanted["dev"] && len(wanted) > 1 {
		return nil, &platform.UsageError{Message: "dev runs until it is stopped, so it stands alone", Advice: "run the other stages first"}
	}
	return slices.DeleteFunc(known, func(name string) bool { return !wanted[name] }), nil
}

func unknownStage(word string, known []string) error {
	err := &platform.UsageError{Message: "unknown stage " + strings.TrimSpace(word), Advice: "stages are check, " + strings.Join(known[:len(known)-4], ", ")}
	if near := nearest(word, known); near != "" {
		err.Advice = "did you mean " + near + "?"
	}
	return err
}

func isCheck(name string) bool { return slices.Contains(platform.CheckNames, name) }
