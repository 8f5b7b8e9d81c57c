package platform

import (
	"fmt"
	"slices"
)

// Hooks are commands around the release of one service.
type Hooks struct {
	// Before runs before the service is changed. If it fails, nothing of the service is changed.
	Before *Command `yaml:"before,omitempty"`
	// After runs once the service is healthy. If it fails, the service has failed.
	After *Command `yaml:"after,omitempty"`
}

// Command is run once, in a Job of its own, with the variables of a service.
type Command struct {
	// Run is given to the image's entrypoint, instead of the image's own command.
	Run []string `yaml:"run"`
	// Entrypoint instead of the image's own.
	Entrypoint []string `yaml:"entrypoint,omitempty"`
	// Service whose image, variables and account it has. Default, in hooks: the service itself.
	Service string `yaml:"service,omitempty"`
	// Image instead of the service's, by digest.
	Image string `yaml:"image,omitempty"`
	// Timeout as in 10m. Default: 5m.
	Timeout Duration `yaml:"timeout,omitempty"`
}

func validateCommand(c *Command, at string, p *Platform, d *document) {
	if c == nil {
		return
	}
	if run := join(at, "run"); !d.bad[run] && len(c.Run) == 0 {
		d.report(at, "run is missing, expected a command such as [dist/warm.js]", "")
	}
	if service := join(at, "service"); d.has(service) && !d.bad[service] && !slices.Contains(p.names(), c.Service) {
		d.report(service, "unknown service "+quote(c.Service)+", expected one of this file's", didYouMean(c.Service, p.names()))
	}
	d.text(join(at, "image"), c.Image, badReference)
}

func validateHooks(p *Platform, d *document) {
	for i, s := range p.Services {
		at := join(item("services", i), "hooks")
		validateCommand(s.Hooks.Before, join(at, "before"), p, d)
		validateCommand(s.Hooks.After, join(at, "after"), p, d)
	}
	for i := range p.Verify.Inside {
		at := item("verify.inside", i)
		d.required(at, "service", "the service whose image and variables it has")
		validateCommand(&p.Verify.Inside[i], at, p, d)
	}
}

// validateTogether wants groups that stand side by side in the order, so that
// nobody is released before what it comes after.
func validateTogether(p *Platform, d *document) {
	order, in := releaseOrder(p), map[string]string{}
	for i, group := range p.Together {
		at := item("together", i)
		var places []int
		for j, name := range group {
			switch place := slices.Index(order, name); {
			case place < 0:
				d.report(item(at, j), "unknown service "+quote(name)+", expected one of this file's", didYouMean(name, p.names()))
				return
			case in[name] != "":
				d.report(item(at, j), quote(name)+" is in "+in[name]+" already", "remove one of them")
				return
			default:
				in[name], places = at, append(places, place)
			}
		}
		if len(group) < 2 {
			d.report(at, "expected two services or more", "")
			continue
		}
		slices.Sort(places)
		if places[len(places)-1]-places[0] != len(places)-1 {
			d.report(at, "its services do not stand side by side in the order", "move them together in order")
		}
		for _, name := range group {
			s, _ := p.Service(name)
			for _, other := range s.After {
				if slices.Contains(group, other) {
					d.report(at, fmt.Sprintf("%s comes after %s, so they cannot be released together", name, other), "")
				}
			}
		}
	}
}
