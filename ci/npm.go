package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dagger.io/dagger"
)

// npmAccess is how containers reach the package registry: what the host knows
// of proxies, certificates and tokens.
type npmAccess struct {
	ca         string   // file with the certificates of an own CA, "" for none
	wholeCA    bool     // the file stands for all certificates, not beside them
	userConfig string   // ~/.npmrc, "" for none
	rootSecret bool     // the repository's .npmrc holds a token
	variables  []string // that the .npmrc files refer to
}

const (
	caPath     = "/run/slipway/ca.crt"
	npmrcPath  = "/run/slipway/npmrc"
	rootNpmrc  = workdir + "/.npmrc"
	secretPart = `(?im)^[^#;\n]*(_auth|_authToken|_password|certfile|keyfile)\s*=\s*[^$\s]`
)

var (
	npmSecret   = regexp.MustCompile(secretPart)
	npmVariable = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\??\}`)
)

// passed are variables of the host that say how the network is reached.
var passed = []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "npm_config_registry", "NPM_CONFIG_REGISTRY"}

func findNpmAccess(root string) npmAccess {
	var a npmAccess
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"} {
		if file := os.Getenv(name); file != "" && a.ca == "" && readable(file) {
			a.ca = file
		}
	}
	a.wholeCA = a.ca != "" && a.ca == os.Getenv("SSL_CERT_FILE")
	if home, err := os.UserHomeDir(); err == nil {
		a.userConfig = filepath.Join(home, ".npmrc")
	}
	if config := os.Getenv("NPM_CONFIG_USERCONFIG"); config != "" {
		a.userConfig = config
	}
	user, err := os.ReadFile(a.userConfig)
	if err != nil {
		a.userConfig = ""
	}
	own, _ := os.ReadFile(filepath.Join(root, ".npmrc"))
	a.rootSecret = npmSecret.Match(own)
	for _, match := range npmVariable.FindAllSubmatch(append(user, own...), -1) {
		if name := string(match[1]); os.Getenv(name) != "" && !slices.Contains(a.variables, name) {
			a.variables = append(a.variables, name)
		}
	}
	return a
}

// withNpm gives a container access to the package registry. Tokens are
// secrets: they are there while a command runs, and in no layer.
func (p *pipeline) withNpm(c *dagger.Container) *dagger.Container {
	a := p.npm
	if a.ca != "" {
		// Not mounted: a command with a mounted file of the host is never found
		// in the engine's cache.
		c = c.WithFile(caPath, p.dag.Host().File(a.ca)).WithEnvVariable("NODE_EXTRA_CA_CERTS", caPath)
		if a.wholeCA {
			c = c.WithEnvVariable("SSL_CERT_FILE", caPath)
		}
	}
	if a.userConfig != "" {
		c = c.WithMountedSecret(npmrcPath, p.secretFile("npmrc", a.userConfig)).WithEnvVariable("NPM_CONFIG_USERCONFIG", npmrcPath)
	}
	if a.rootSecret {
		c = c.WithMountedSecret(rootNpmrc, p.secretFile("root-npmrc", filepath.Join(p.platform.Root, ".npmrc")))
	}
	for _, name := range a.variables {
		c = c.WithSecretVariable(name, p.dag.SetSecret("npm-"+name, os.Getenv(name)))
	}
	for _, name := range passed {
		if value := os.Getenv(name); value != "" && !strings.Contains(value, "@") {
			c = c.WithEnvVariable(name, value)
		} else if value != "" { // a proxy with a password
			c = c.WithSecretVariable(name, p.dag.SetSecret("proxy-"+name, value))
		}
	}
	return c
}

func (p *pipeline) secretFile(name, file string) *dagger.Secret {
	data, _ := os.ReadFile(file) // it was just read
	return p.dag.SetSecret(name, string(data))
}

func readable(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
