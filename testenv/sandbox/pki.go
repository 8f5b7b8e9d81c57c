package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// apiServer is where the cluster answers, from the machine, the box and pods.
const apiServer = "https://" + IP + ":6443"

func pkiPath(name string) string { return statePath("pki", name) }

// makePKI writes the cluster's authority, certificates and kubeconfigs, unless
// they are there and stay valid for a month.
func makePKI() error {
	if fresh(pkiPath("ca.crt")) {
		return nil
	}
	if err := os.MkdirAll(statePath("pki"), 0o700); err != nil {
		return err
	}
	ca, caKey, err := authority()
	if err != nil {
		return err
	}
	serviceAccounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := writeKey("sa.key", serviceAccounts); err != nil {
		return err
	}
	for _, c := range []struct{ file, name, group string }{
		{"apiserver", "kube-apiserver", ""},
		{"kubelet-client", "kube-apiserver-kubelet-client", "system:masters"},
		{"admin", "slipway-admin", "system:masters"},
		{"controller-manager", "system:kube-controller-manager", ""},
		{"scheduler", "system:kube-scheduler", ""},
		{"kubelet", "system:node:slipway", "system:nodes"},
		{"proxy", "system:kube-proxy", ""},
	} {
		if err := certificate(ca, caKey, c.file, c.name, c.group); err != nil {
			return fmt.Errorf("make certificate %s: %w", c.file, err)
		}
		if err := kubeconfig(c.file); err != nil {
			return fmt.Errorf("write kubeconfig %s: %w", c.file, err)
		}
	}
	// Last, since it says that all the others are there.
	return writePEM("ca.crt", "CERTIFICATE", ca.Raw)
}

func fresh(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	return err == nil && time.Until(c.NotAfter) > 30*24*time.Hour
}

func authority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "slipway sandbox"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	return ca, key, writeKey("ca.key", key)
}

func certificate(ca *x509.Certificate, caKey *ecdsa.PrivateKey, file, name, group string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"},
		IPAddresses:  []net.IP{net.ParseIP("127.0.0.1"), net.ParseIP(IP), net.ParseIP(svcIP)},
	}
	if group != "" {
		template.Subject.Organization = []string{group}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	return errors.Join(
		writeKey(file+".key", key),
		writePEM(file+".crt", "CERTIFICATE", der),
		writePEM("ca.crt.new", "CERTIFICATE", ca.Raw))
}

func kubeconfig(file string) error {
	encoded := func(name string) string {
		data, _ := os.ReadFile(pkiPath(name))
		return base64.StdEncoding.EncodeToString(data)
	}
	text := `apiVersion: v1
kind: Config
current-context: slipway
contexts: [{name: slipway, context: {cluster: slipway, user: ` + file + `, namespace: default}}]
clusters: [{name: slipway, cluster: {server: "` + apiServer + `", certificate-authority-data: ` + encoded("ca.crt.new") + `}}]
users: [{name: ` + file + `, user: {client-certificate-data: ` + encoded(file+".crt") + `, client-key-data: ` + encoded(file+".key") + `}}]
`
	return os.WriteFile(pkiPath(file+".kubeconfig"), []byte(text), 0o600)
}

func writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(name, "EC PRIVATE KEY", der)
}

func writePEM(name, kind string, der []byte) error {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return os.WriteFile(pkiPath(name), data, 0o600)
}

// secret returns a random value that is made once and kept with the state.
func secret(name string) (string, error) {
	path := statePath("secret", name)
	data, err := os.ReadFile(path)
	if err == nil {
		return string(data), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	value := rand.Text() + rand.Text() // longer than any format asks for
	return value, os.WriteFile(path, []byte(value), 0o600)
}
