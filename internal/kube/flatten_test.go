package kube

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func writeConfig(t *testing.T, user, server string) string {
	t.Helper()
	dir := t.TempDir()
	some := httptest.NewTLSServer(nil)
	defer some.Close()
	certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: some.Certificate().Raw}))
	for name, text := range map[string]string{"ca.crt": certificate, "token": "from-file", "config": `
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "` + server + `", certificate-authority: ca.crt}}, {name: other, cluster: {server: "https://other"}}]
users: [{name: u, user: ` + user + `}, {name: v, user: {token: v}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: other, user: v}}]
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config")
}

func TestFlatten(t *testing.T) {
	program := filepath.Join(t.TempDir(), "login")
	answer := `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-program"}}`
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho '"+answer+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	exec := `{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: "` + program + `"}}`
	tests := []struct {
		name, user string
		options    FlattenOptions
		want       []string
		not        []string
		err        string
	}{
		{name: "files embedded", user: "{token: abc}", want: []string{"token: abc", "certificate-authority-data: LS0tLS1CRUdJTi"}, not: []string{"ca.crt", "other"}},
		{name: "token file", user: "{tokenFile: token}", want: []string{"token: from-file"}, not: []string{"tokenFile"}},
		{name: "login program", user: exec, want: []string{"token: from-program"}, not: []string{"exec"}},
		{name: "login program fails", user: `{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: "false"}}`, err: "log in"},
		{name: "removed provider", user: "{auth-provider: {name: gcp}}", err: "provider gcp"},
		{name: "another address", user: "{token: abc}", options: FlattenOptions{Server: "https://cluster:6443"}, want: []string{"server: https://cluster:6443", "tls-server-name: 127.0.0.1"}},
		{name: "another context", user: "{token: abc}", options: FlattenOptions{Context: "two"}, want: []string{"https://other", "token: v"}, not: []string{"abc"}},
		{name: "absent context", user: "{token: abc}", options: FlattenOptions{Context: "three"}, err: `no context "three"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, server, err := Flatten(writeConfig(t, tt.user, "https://127.0.0.1:1"), tt.options)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("err = %v, want %q in it", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := clientcmd.Load(out); err != nil {
				t.Error(err)
			}
			if tt.options.Context == "" && server != "https://127.0.0.1:1" {
				t.Errorf("server = %s", server)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is missing in\n%s", want, out)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(string(out), not) {
					t.Errorf("%q is in\n%s", not, out)
				}
			}
		})
	}
}

func TestConnectSaysWhatIsWrong(t *testing.T) {
	config := func(server string) []byte {
		return []byte(`{apiVersion: v1, kind: Config, current-context: one, clusters: [{name: c, cluster: {server: "` + server + `"}}], users: [{name: u, user: {token: secret-token}}], contexts: [{name: one, context: {cluster: c, user: u}}]}`)
	}
	unauthorized := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	defer unauthorized.Close()
	unknown := httptest.NewTLSServer(http.NotFoundHandler())
	defer unknown.Close()

	var unreachable *UnreachableError
	if _, err := Connect(t.Context(), config("http://127.0.0.1:1"), ""); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := Connect(t.Context(), config(unknown.URL), ""); !errors.As(err, &unreachable) || !strings.Contains(unreachable.Hint(), "certificate-authority-data") {
		t.Errorf("unknown certificate: %v", err)
	}
	var refused *UnauthorizedError
	if _, err := Connect(t.Context(), config(unauthorized.URL), ""); !errors.As(err, &refused) {
		t.Errorf("expired: %v", err)
	}
	if _, err := Connect(t.Context(), config("http://x"), "absent"); err == nil || !strings.Contains(err.Error(), `no context "absent", only one`) {
		t.Errorf("context: %v", err)
	}
	for _, text := range []string{"", "{", "kind: Pod"} {
		if _, err := Connect(context.Background(), []byte(text), ""); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}
