package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"
)

// EnvFile is where the sandbox writes the addresses of everything in it.
const EnvFile = "/run/slipway/env"

// ReadEnvFile reads the file that the sandbox writes. A missing one means that
// no sandbox is up, which is an InfrastructureError.
func ReadEnvFile(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &InfrastructureError{Message: "the sandbox is not up: " + path + " does not exist", Advice: "start it with `go run ./testenv up`, or choose an environment with --env"}
	} else if err != nil {
		return nil, &InfrastructureError{Message: "read the sandbox's addresses: " + err.Error(), Advice: "run as the user who started the sandbox"}
	}
	values, err := parseEnv(data)
	if err != nil {
		return nil, &InfrastructureError{Message: "read " + path + ": " + err.Error(), Advice: "`go run ./testenv up` writes it again"}
	}
	return values, nil
}

// parseEnv reads KEY=VALUE lines; empty lines and those that begin with # do
// not count. A value is all that follows the first =, one pair of quotes
// around it removed. Errors do not repeat the line: it may hold a password.
func parseEnv(data []byte) (map[string]string, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("expected UTF-8")
	}
	values := map[string]string{}
	for i, line := range bytes.Split(data, []byte("\n")) {
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(text, "export "), "=")
		if !ok || !isVariable(key) {
			return nil, fmt.Errorf("line %d: expected KEY=VALUE", i+1)
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("line %d: %s is there twice", i+1, key)
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		values[key] = value
	}
	return values, nil
}
