package platform

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

func validateServices(p *Platform, d *document) {
	d.required("", "services", "a list of services")
	if d.has("services") && !d.bad["services"] && len(p.Services) == 0 {
		d.report("services", "expected at least one service", "")
	}
	names, ports := map[string]string{}, map[string]string{}
	for _, kind := range sortedKeys(p.Infrastructure) {
		d.unique(ports, portKey(p.Infrastructure[kind].Port), d.nearest(join(join("infrastructure", kind), "port")), "port")
	}
	for i, s := range p.Services {
		at := item("services", i)
		d.required(at, "name", "a name such as api-gateway")
		d.text(join(at, "name"), s.Name, badService)
		d.unique(names, s.Name, join(at, "name"), "service")
		d.required(at, "port", "the port it listens on")
		d.port(join(at, "port"), s.Port)
		d.unique(ports, portKey(s.Port), join(at, "port"), "port")
		d.path(join(at, "path"), s.Path)
		d.text(join(at, "health"), s.Health, badURLPath)
		validateImage(s, at, d)
		validateAfter(s, at, p, d)
	}
}

// Reserved are the names of a release's own steps, and of the migrator's image:
// the ledger keeps the step of a service under the service's name.
var Reserved = []string{"configuration", "database", "intent", "migrate", "rollback", "verify"}

func badService(s string) string {
	if slices.Contains(Reserved, s) {
		return quote(s) + " is a step of every release, and cannot be the name of a service"
	}
	return badLabel(s)
}

func portKey(port int) string {
	if port == 0 {
		return ""
	}
	return fmt.Sprint(port)
}

func validateImage(s Service, at string, d *document) {
	image := join(at, "image")
	ways := d.present(image, "base", "dockerfile", "reference")
	if len(ways) > 1 {
		d.report(image, "expected one of base, dockerfile and reference, found "+strings.Join(ways, " and "), "keep one of them")
		return
	}
	d.text(join(image, "base"), s.Image.Base, badImage)
	d.text(join(image, "reference"), s.Image.Reference, badReference)
	d.path(join(image, "context"), s.Image.Context)
	if file := join(image, "dockerfile"); d.has(file) && !d.bad[file] {
		if within := path.Join(s.Path, s.Image.Dockerfile); path.IsAbs(s.Image.Dockerfile) || escapes(within) {
			d.report(file, "expected a path inside the repository, found "+quote(s.Image.Dockerfile), "paths are relative to the service's path")
		}
	}
	for _, key := range []string{"context", "command"} {
		if d.has(join(image, key)) && (key == "context") != (s.Image.Dockerfile != "") && (key == "context" || s.Image.Reference != "" || s.Image.Dockerfile != "") {
			d.report(join(image, key), key+" does not fit how this image is made", map[string]string{"context": "it belongs to a dockerfile", "command": "it belongs to an image made from a workspace package"}[key])
		}
	}
	if s.Image.FromWorkspace() && !d.bad[at] && !d.bad[image] && !d.has(join(at, "path")) {
		d.report(at, "path is missing, expected the workspace package that the image of "+quote(s.Name)+" is made from", "or give image: with a dockerfile or a reference")
	}
}

func validateAfter(s Service, at string, p *Platform, d *document) {
	for i, before := range s.After {
		where := item(join(at, "after"), i)
		if d.bad[where] {
			continue
		}
		if before == s.Name {
			d.report(where, "service "+quote(s.Name)+" comes after itself", "remove it")
		} else if _, ok := p.Service(before); !ok {
			d.report(where, "unknown service "+quote(before)+", expected one of this file's", didYouMean(before, p.names()))
		}
	}
}

func (p *Platform) names() []string {
	names := make([]string, len(p.Services))
	for i, s := range p.Services {
		names[i] = s.Name
	}
	return names
}

// validateOrder compares the order with the services and what each comes after.
func validateOrder(p *Platform, d *document) {
	if loop := cycle(p); len(loop) > 2 {
		d.report(d.after(p, loop[len(loop)-2], loop[0]), "cycle in after: "+strings.Join(loop, " after "), "remove one of these")
	}
	if !d.has("order") || d.bad["order"] {
		return
	}
	first, position := map[string]string{}, map[string]int{}
	for i, name := range p.Order {
		if d.bad[item("order", i)] {
			continue
		}
		if _, ok := p.Service(name); !ok {
			d.report(item("order", i), "unknown service "+quote(name)+" in order", didYouMean(name, p.names()))
		} else if d.unique(first, name, item("order", i), "service in order") {
			position[name] = i + 1
		}
	}
	for _, s := range p.Services {
		if s.Name != "" && position[s.Name] == 0 {
			d.report("order", "order leaves out service "+quote(s.Name), "add it where it belongs")
		}
		for _, before := range s.After {
			if position[s.Name] > 0 && position[before] > position[s.Name] {
				d.report(item("order", position[s.Name]-1), fmt.Sprintf("order has %s before %s, and %s is to come after it", s.Name, before, s.Name), "swap them, or correct after")
			}
		}
	}
}

// after is the path of the entry in name's after that names before.
func (d *document) after(p *Platform, name, before string) string {
	for i, s := range p.Services {
		for j, b := range s.After {
			if s.Name == name && b == before {
				return item(join(item("services", i), "after"), j)
			}
		}
	}
	return "services"
}
