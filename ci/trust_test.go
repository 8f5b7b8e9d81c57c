package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ownCA is a CA that nobody knows yet: a certificate by it for this machine as
// containers see it, and a file that makes programs trust it beside what this
// machine trusts already.
func ownCA(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	// Of its own making: the certificate and its CA are one.
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "a CA of our own"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(host(t))}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	var trusted []byte
	if file := findNpmAccess(t.TempDir()).ca; file != "" {
		if trusted, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "ca.crt")
	trusted = append(append(trusted, '\n'), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, trusted, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// Packages from a registry with a certificate by an own CA are installed where
// NODE_EXTRA_CA_CERTS names that CA.
func TestOwnCAOfPackages(t *testing.T) {
	t.Parallel()
	certificate, trusted := ownCA(t)
	address, integrity := privateNpm(t, certificate)
	root := workspace(t)
	replace(t, root, "slipway.yaml", "services:\n", "checks:\n  test: {run: pnpm ls -r @private/kit}\nservices:\n")
	needPrivate(t, root, integrity)
	// An installation with the same lockfile is in the engine's cache.
	replace(t, root, "package.json", `"private":true`, `"private":true,"description":"`+rand.Text()+`"`)
	write(t, root, ".npmrc", "fetch-retries=0\n@private:registry=https://"+address+"/\n//"+address+"/:_authToken="+npmToken+"\n")
	code, output, _ := launch(t, nil, "test", "--root", root).ends(3 * time.Minute)
	if code != exitFailed || !strings.Contains(output, "test could not begin: ") || !strings.Contains(output, "certificate") {
		t.Errorf("nobody trusts it: exit code %d\n%s", code, output)
	}
	p := launch(t, []string{"NODE_EXTRA_CA_CERTS=" + trusted}, "test", "--root", root)
	if code, output, _ := p.ends(3 * time.Minute); code != exitFine {
		t.Errorf("exit code %d\n%s", code, output)
	}
}

// So do the commands of a Dockerfile reach it, and the image does not tell.
func TestOwnCAOfADockerfile(t *testing.T) {
	t.Parallel()
	certificate, trusted := ownCA(t)
	address, _ := privateNpm(t, certificate)
	c := tiny(t)
	replace(t, c.root, "Dockerfile", "USER", `RUN node -e "fetch('https://`+address+`/').catch(e => { console.log(e.cause); process.exit(5) })"`+"\nUSER")
	p := c.launch(t, "images")
	code, output, r := p.ends(2 * time.Minute)
	log, _ := os.ReadFile(filepath.Join(p.folder, "dagger.log"))
	if code != exitFailed || !strings.Contains(output, "image of web: node -e ") || !bytes.Contains(log, []byte("certificate")) {
		t.Errorf("nobody trusts it: exit code %d\n%s\n%s", code, output, log)
	}
	c.env = append(c.env, "NODE_EXTRA_CA_CERTS="+trusted)
	code, output, r = c.launch(t, "images").ends(2 * time.Minute)
	if code != exitFine || len(r.Images) != 1 {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	if found := contents(t, c.registry+"/web@"+r.Images[0].Digest); bytes.Contains(found, []byte("NODE_EXTRA_CA_CERTS")) || bytes.Contains(found, []byte("a CA of our own")) {
		t.Error("the image tells of the CA")
	}
}
