package ledger

import "time"

// Variable is what a record keeps of a variable's value: whether it is another
// one can be seen, what it is cannot.
type Variable struct {
	// Hash is keyed; see Hasher.
	Hash string `json:"hash"`
	// Since is when a release had this value first.
	Since time.Time `json:"since"`
}

// Variables are the hashes of values, each since the newest record that had
// another one.
func Variables(h *Hasher, values map[string]string, newest map[string]Variable, now time.Time) map[string]Variable {
	out := map[string]Variable{}
	for name, value := range values {
		if value == "" {
			continue
		}
		v := Variable{Hash: h.Hash("variable/"+name, value), Since: now.UTC().Truncate(time.Second)}
		if known := newest[name]; known.Hash == v.Hash {
			v.Since = known.Since
		}
		out[name] = v
	}
	return out
}
