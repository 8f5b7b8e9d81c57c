package kubetest

import (
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/teei/slipway/internal/kube"
	"github.com/teei/slipway/testenv/testenv"
)

// Account makes a service account in a namespace and connects as it, with a
// token of its own. It may do what a role that the test binds to it allows.
func Account(t testing.TB, namespace, name string) *kube.Cluster {
	t.Helper()
	c, err := kube.Connect(Context(t), Kubeconfig(t, namespace, name), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Kubeconfig is that of a new account without any right.
func Kubeconfig(t testing.TB, namespace, name string) []byte {
	t.Helper()
	testenv.Kubectl(t, "-n", namespace, "create", "serviceaccount", name)
	token := strings.TrimSpace(testenv.Kubectl(t, "-n", namespace, "create", "token", name))
	flat, _, err := kube.Flatten(testenv.Env(t)["KUBECONFIG"], kube.FlattenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.Load(flat)
	if err != nil {
		t.Fatal(err)
	}
	config.AuthInfos[config.Contexts[config.CurrentContext].AuthInfo] = &api.AuthInfo{Token: token}
	if flat, err = clientcmd.Write(*config); err != nil {
		t.Fatal(err)
	}
	return flat
}
