package kube

import (
	"fmt"
)

// placing puts objects into one namespace: the environment's.
type placing struct {
	from, to string // from is what the manifests name and mean to by, "" for none
	accounts map[string]bool
}

// place puts all objects into one namespace. What names another one is refused: it
// would come to lie where nobody looks for it, or over another object of its name.
func place(objects []located, from, to string) error {
	p := placing{from: from, to: to, accounts: map[string]bool{}}
	for _, l := range objects {
		if l.obj.GetKind() == "ServiceAccount" {
			p.accounts[l.obj.GetName()] = true
		}
	}
	for _, l := range objects {
		if err := p.put(l); err != nil {
			return err
		}
		if err := p.subjects(l); err != nil {
			return err
		}
		p.servers(l.obj)
	}
	return nil
}

// ours reports whether a namespace that the manifests name is the one of the environment.
func (p placing) ours(namespace string) bool {
	return namespace == "" || namespace == p.to || namespace == p.from
}

func (p placing) put(l located) error {
	switch named := l.obj.GetNamespace(); {
	case l.obj.GetKind() == "Namespace" && l.obj.GetAPIVersion() == "v1":
		if !p.ours(l.obj.GetName()) {
			return &ElsewhereError{Object: ID(l.obj), From: l.from, Found: l.obj.GetName(), Namespace: p.to}
		}
		l.obj.SetName(p.to)
		l.obj.SetNamespace("")
	case clusterKinds[l.obj.GetKind()]:
		l.obj.SetNamespace("")
	case !p.ours(named):
		return &ElsewhereError{Object: ID(l.obj), From: l.from, Found: named, Namespace: p.to}
	default:
		l.obj.SetNamespace(p.to)
	}
	return nil
}

// subjects of a role binding follow the accounts they name. One that is said to be
// in another namespace stays there, unless that may well be a mistake.
func (p placing) subjects(l located) error {
	for _, s := range list(l.obj.Object, "subjects") {
		subject, _ := s.(map[string]any)
		if subject["kind"] != "ServiceAccount" {
			continue
		}
		name, _ := subject["name"].(string)
		namespace, isText := subject["namespace"].(string)
		switch {
		case subject["namespace"] == nil || isText && p.ours(namespace):
			subject["namespace"] = p.to
		case isText && p.accounts[name] && p.from == "":
			return &ElsewhereError{Object: ID(l.obj), From: l.from, Account: name, Found: namespace, Namespace: p.to}
		}
	}
	return nil
}

// servers are the Services that the API server is told to ask, by name and namespace.
func (p placing) servers(obj *Object) {
	var holders []any
	switch obj.GetKind() {
	case "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration":
		for _, hook := range list(obj.Object, "webhooks") {
			m, _ := hook.(map[string]any)
			holders = append(holders, m["clientConfig"])
		}
	case "APIService":
		holders = append(holders, obj.Object["spec"])
	case "CustomResourceDefinition":
		spec, _ := obj.Object["spec"].(map[string]any)
		conversion, _ := spec["conversion"].(map[string]any)
		webhook, _ := conversion["webhook"].(map[string]any)
		holders = append(holders, webhook["clientConfig"])
	}
	for _, holder := range holders {
		m, _ := holder.(map[string]any)
		service, _ := m["service"].(map[string]any)
		if namespace, isText := service["namespace"].(string); isText && namespace == p.from && p.from != "" {
			service["namespace"] = p.to
		}
	}
}

// ElsewhereError says that an object of the manifests names a namespace that is not
// the environment's.
type ElsewhereError struct {
	Object, From string
	Account      string // named by a role binding; "" where it is the object itself
	Found        string // what the manifests name
	Namespace    string // of the environment
}

func (e *ElsewhereError) Error() string {
	what := e.Object + " is of the namespace " + briefly(e.Found)
	switch {
	case e.Account != "":
		what = e.Object + " names the account " + briefly(e.Account) + " of the namespace " + briefly(e.Found) + ", and these manifests have one of that name,"
	case e.Object == "Namespace/"+e.Found:
		what = e.Object + " is another namespace"
	}
	return fmt.Sprintf("read manifests: %s: %s and this release is for %s: nothing is moved", e.From, what, e.Namespace)
}

// Usage marks that nothing was begun.
func (e *ElsewhereError) Usage() bool { return true }

// Hint says what to do about it.
func (e *ElsewhereError) Hint() string {
	found := briefly(e.Found)
	if e.Account != "" {
		return "if the manifests are written for " + found + ", say `namespace: " + found + "` under `manifests:` in slipway.yaml, and it follows into " + e.Namespace +
			"; if that account really is another one, say `namespace: " + e.Namespace + "` there"
	}
	return "if the manifests are written for " + found + ", say `namespace: " + found + "` under `manifests:` in slipway.yaml, and their objects go into " + e.Namespace +
		"; if " + found + " is this environment's own, say it in the environment; what belongs elsewhere has to come out of these manifests"
}
