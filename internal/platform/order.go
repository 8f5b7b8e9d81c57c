package platform

import "slices"

// Ordered returns the services in the order they are released in.
func (p *Platform) Ordered() []Service {
	services := make([]Service, 0, len(p.Services))
	for _, name := range releaseOrder(p) {
		if s, ok := p.Service(name); ok {
			services = append(services, s)
		}
	}
	return services
}

// Service returns the service of that name.
func (p *Platform) Service(name string) (Service, bool) {
	for _, s := range p.Services {
		if s.Name == name {
			return s, true
		}
	}
	return Service{}, false
}

// Group is the number of the group that a service is released together with, 0
// for one that is released alone.
func (p *Platform) Group(service string) int {
	return 1 + slices.IndexFunc(p.Together, func(group []string) bool { return slices.Contains(group, service) })
}

// releaseOrder is the order that the file names, else the order of its
// services, in which each is moved behind those it comes after.
func releaseOrder(p *Platform) []string {
	if len(p.Order) > 0 {
		return p.Order
	}
	names := make([]string, 0, len(p.Services))
	var visit func(s Service)
	seen := map[string]bool{}
	visit = func(s Service) {
		if seen[s.Name] {
			return
		}
		seen[s.Name] = true
		for _, before := range s.After {
			if b, ok := p.Service(before); ok {
				visit(b)
			}
		}
		names = append(names, s.Name)
	}
	for _, s := range p.Services {
		visit(s)
	}
	return names
}

// cycle returns the services of a cycle in after, the first one repeated at
// the end, and nil if there is none.
func cycle(p *Platform) []string {
	done := map[string]bool{}
	var path []string
	var visit func(name string) []string
	visit = func(name string) []string {
		if i := slices.Index(path, name); i >= 0 {
			return append(slices.Clone(path[i:]), name)
		}
		s, ok := p.Service(name)
		if !ok || done[name] {
			return nil
		}
		path = append(path, name)
		for _, before := range s.After {
			if found := visit(before); found != nil {
				return found
			}
		}
		path, done[name] = path[:len(path)-1], true
		return nil
	}
	for _, s := range p.Services {
		if found := visit(s.Name); found != nil {
			return found
		}
	}
	return nil
}
