package platform

import "sync"

// Variables that a workflow gives all of an environment's values with, so that
// no workflow has to know their names: reusable ones cannot.
const (
	// BundleVariable holds lines of KEY=VALUE, which count where a variable is not set.
	BundleVariable = "SLIPWAY_VARIABLES"
	// KubeconfigVariable holds the path of the kubeconfig of the one environment that a job is for.
	KubeconfigVariable = "SLIPWAY_KUBECONFIG"
)

// Bundled is getenv with what BundleVariable holds. A bundle that cannot be read
// counts as empty: what is missing is then named, and no value of it shown.
func Bundled(getenv func(string) string) func(string) string {
	values := sync.OnceValue(func() map[string]string {
		values, err := parseEnv([]byte(getenv(BundleVariable)))
		if err != nil {
			return nil
		}
		return values
	})
	return func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return values()[name]
	}
}
