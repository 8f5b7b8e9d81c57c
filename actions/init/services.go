package scaffold

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/teei/slipway/internal/platform"
)

// findServices takes the services from whatever tells most about them:
// Deployments, then a compose file, then packages and Dockerfiles.
func (f *found) findServices(o objects, c compose, dockerfiles []string) {
	switch {
	case len(o.workloads) > 0:
		for _, w := range o.workloads {
			f.fromWorkload(w, c, dockerfiles)
		}
	case slices.ContainsFunc(c.services, func(s composeService) bool { return s.built }):
		for _, s := range c.services {
			if s.built {
				f.fromCompose(s, dockerfiles)
			}
		}
	default:
		f.fromSources(dockerfiles)
	}
	f.completePorts()
	for i := range f.services {
		f.services[i].dev = f.devCommand(f.services[i].path)
	}
	slices.SortStableFunc(f.services, func(a, b service) int { return rank(a.name) - rank(b.name) })
}

func (f *found) fromWorkload(w workload, c compose, dockerfiles []string) {
	if kind, ok := kindOf(w.image); ok {
		f.leftOut = append(f.leftOut, fmt.Sprintf("Deployment %s: %s is infrastructure, not a service", w.name, kind))
		return
	}
	s := service{name: label(w.name), port: w.port, health: w.health}
	s.path = f.sourceOf(w.name, c, dockerfiles)
	switch {
	case s.path != "":
		f.image(&s, dockerfiles)
	case strings.Contains(w.image, "@sha256:") && platform.ValidImage(w.image):
		s.reference = w.image
	default:
		f.leftOut = append(f.leftOut, fmt.Sprintf("Deployment %s: no source was found, and its image %s is not by digest; it is applied before the services", w.name, w.image))
		return
	}
	f.add(s)
}

// add leaves out what another service is called already, once made a label.
func (f *found) add(s service) {
	if slices.ContainsFunc(f.services, func(other service) bool { return other.name == s.name }) {
		f.leftOut = append(f.leftOut, fmt.Sprintf("%s: another service is called %s as well", first(s.path, s.reference), s.name))
		return
	}
	f.services = append(f.services, s)
}

func (f *found) fromCompose(cs composeService, dockerfiles []string) {
	s := service{name: label(cs.name), port: cs.port}
	s.path = path.Clean(cs.context)
	if cs.dockerfile != "" && path.Dir(cs.dockerfile) != "." && s.path == "." { // the context is the root, the source below it
		s.path, s.context = path.Dir(path.Clean(cs.dockerfile)), "."
	}
	if strings.HasPrefix(s.path, "..") || path.IsAbs(s.path) {
		f.leftOut = append(f.leftOut, fmt.Sprintf("compose service %s: it is built outside the repository", cs.name))
		return
	}
	if cs.dockerfile != "" {
		s.dockerfile = path.Base(cs.dockerfile)
	} else {
		f.image(&s, dockerfiles)
	}
	f.add(s)
}

func (f *found) fromSources(dockerfiles []string) {
	seen := map[string]bool{}
	add := func(dir, name string) {
		if !seen[dir] {
			seen[dir] = true
			s := service{name: label(name), path: dir}
			f.image(&s, dockerfiles)
			f.add(s)
		}
	}
	if f.workspace != nil {
		for _, p := range f.workspace.Packages {
			if real(p.Scripts["start"]) {
				add(p.Dir, unscoped(p.Name))
			}
		}
	}
	for _, file := range dockerfiles {
		if dir := path.Dir(file); dir == "." {
			add(dir, f.name)
		} else {
			add(dir, base(dir))
		}
	}
}

// sourceOf finds the folder of a service by its name.
func (f *found) sourceOf(name string, c compose, dockerfiles []string) string {
	if f.workspace != nil {
		for _, p := range f.workspace.Packages {
			if p.Dir != "." && (base(p.Dir) == name || unscoped(p.Name) == name) {
				return p.Dir
			}
		}
	}
	for _, file := range dockerfiles {
		if base(path.Dir(file)) == name {
			return path.Dir(file)
		}
	}
	for _, s := range c.services {
		if dir := path.Clean(s.context); s.built && s.name == name && dir != "." && !strings.HasPrefix(dir, "..") && !path.IsAbs(dir) {
			return dir
		}
	}
	if slices.Contains(dockerfiles, "Dockerfile") && len(dockerfiles) == 1 {
		return "."
	}
	return ""
}

// image prefers a Dockerfile in the service's folder; without one a pnpm
// package is enough.
func (f *found) image(s *service, dockerfiles []string) {
	for _, file := range dockerfiles {
		if path.Dir(file) == s.path {
			s.dockerfile = path.Base(file)
			// One that names its own folder copies from the root.
			if s.path != "." && strings.Contains(string(f.files.read(file)), s.path) {
				s.context = "."
			}
			return
		}
	}
	if f.workspace == nil || f.workspace.Manager != "pnpm" {
		s.imageGuess = "there is no Dockerfile: add one, since an image without needs a pnpm workspace"
	}
}

// completePorts gives every service a port of its own, so that the file loads.
func (f *found) completePorts() {
	taken := map[int]string{}
	for _, k := range kinds {
		if slices.ContainsFunc(f.infrastructure, func(s server) bool { return s.kind == k.kind }) {
			taken[platform.DefaultPort(k.kind)] = k.kind
		}
	}
	next := 3000
	for i := range f.services {
		s := &f.services[i]
		if s.port == 0 {
			s.portGuess = "no manifest or compose file gives the port of " + s.name
		} else if other := taken[s.port]; other != "" {
			s.portGuess = fmt.Sprintf("it listens on %d like %s: give it a port of its own, here and where it listens", s.port, other)
		}
		for s.portGuess != "" && (s.port == 0 || taken[s.port] != "") {
			s.port, next = next, next+1
		}
		taken[s.port] = s.name
	}
}

// devCommand starts a service from its sources; for pnpm, the default does.
func (f *found) devCommand(dir string) string {
	if f.workspace == nil || f.workspace.Manager == "pnpm" {
		return ""
	}
	p, ok := f.workspace.At(dir)
	for _, script := range []string{"dev", "start"} {
		if ok && real(p.Scripts[script]) && p.Dir == "." {
			return run(f.workspace.Manager, script)
		} else if ok && real(p.Scripts[script]) {
			return within(f.workspace.Manager, p.Name, script)
		}
	}
	return ""
}

// rank puts a gateway first and what people look at last, as releases go.
func rank(name string) int {
	switch {
	case strings.Contains(name, "gateway"):
		return 0
	case slices.ContainsFunc([]string{"web", "frontend", "cockpit", "ui", "site", "dashboard"}, func(word string) bool {
		return slices.Contains(strings.Split(name, "-"), word)
	}):
		return 2
	}
	return 1
}

func unscoped(name string) string { return name[strings.LastIndex(name, "/")+1:] }
