package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// kubernetes is the cluster, from etcd to kube-proxy. The flags that are not
// obvious were each needed on some machine; sandboxes run on cgroup version 1,
// with swap, and without CAP_SYS_RESOURCE.
func kubernetes(bins Binaries) []part {
	auth := func(name string) string { return pkiPath(name + ".kubeconfig") }
	return []part{
		{
			name: "etcd",
			args: []string{bins.path("etcd"), "--name=slipway", "--data-dir=" + statePath("etcd"),
				"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
				"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380",
				"--initial-cluster=slipway=http://127.0.0.1:2380", "--log-level=warn"},
			// The data directory must be nobody else's.
			prepare: func() error { return os.MkdirAll(statePath("etcd"), 0o700) },
		},
		{
			name: "kube-apiserver",
			args: []string{bins.path("kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379",
				"--bind-address=0.0.0.0", "--advertise-address=" + IP, "--secure-port=6443",
				"--tls-cert-file=" + pkiPath("apiserver.crt"), "--tls-private-key-file=" + pkiPath("apiserver.key"),
				"--client-ca-file=" + pkiPath("ca.crt"), "--authorization-mode=Node,RBAC",
				"--enable-admission-plugins=NodeRestriction",
				"--kubelet-certificate-authority=" + pkiPath("ca.crt"),
				"--kubelet-client-certificate=" + pkiPath("kubelet-client.crt"), "--kubelet-client-key=" + pkiPath("kubelet-client.key"),
				"--kubelet-preferred-address-types=InternalIP",
				"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + pkiPath("sa.key"),
				"--service-account-signing-key-file=" + pkiPath("sa.key"), "--service-cluster-ip-range=" + svcNet,
				"--allow-privileged=true"},
			ready: apiServerReady,
			facts: apiServer,
		},
		{
			name: "kube-controller-manager",
			args: []string{bins.path("kube-controller-manager"), "--kubeconfig=" + auth("controller-manager"),
				"--authentication-kubeconfig=" + auth("controller-manager"), "--authorization-kubeconfig=" + auth("controller-manager"),
				"--root-ca-file=" + pkiPath("ca.crt"), "--service-account-private-key-file=" + pkiPath("sa.key"),
				"--cluster-signing-cert-file=" + pkiPath("ca.crt"), "--cluster-signing-key-file=" + pkiPath("ca.key"),
				"--use-service-account-credentials=true", "--leader-elect=false",
				"--allocate-node-cidrs=true", "--cluster-cidr=" + podNet, "--service-cluster-ip-range=" + svcNet},
		},
		{
			name: "kube-scheduler",
			args: []string{bins.path("kube-scheduler"), "--kubeconfig=" + auth("scheduler"),
				"--authentication-kubeconfig=" + auth("scheduler"), "--authorization-kubeconfig=" + auth("scheduler"),
				"--leader-elect=false"},
		},
		containerd(bins),
		kubelet(bins),
		{
			name: "kube-proxy",
			args: []string{bins.path("kube-proxy"), "--kubeconfig=" + auth("proxy"), "--proxy-mode=iptables",
				"--cluster-cidr=" + podNet, "--hostname-override=slipway", "--conntrack-max-per-core=0",
				"--iptables-min-sync-period=100ms"},
		},
	}
}

func containerd(bins Binaries) part {
	config := `version = 3
root = "` + statePath("containerd") + `"
state = "` + runDir + `/containerd"
[grpc]
  address = "` + runDir + `/containerd.sock"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "` + Registry + `/slipway/pause:1"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "` + statePath("registries") + `"
[plugins."io.containerd.cri.v1.runtime"]
  # Machines without CAP_SYS_RESOURCE cannot lower it, and runc dies trying.
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["` + bins.path("cni") + `"]
  conf_dir = "` + statePath("cni") + `"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
`
	network := `{"cniVersion": "1.0.0", "name": "slipway", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "` + podNet + `"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`
	mirror := `server = "http://` + Registry + `"
[host."http://` + Registry + `"]
  capabilities = ["pull", "resolve"]
`
	return part{
		name: "containerd",
		args: []string{bins.path("containerd"), "--config", statePath("containerd.toml")},
		env:  []string{"PATH=" + string(bins) + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		prepare: func() error {
			return errors.Join(
				write(statePath("containerd.toml"), config),
				write(statePath("cni", "10-slipway.conflist"), network),
				write(statePath("registries", Registry, "hosts.toml"), mirror),
				write(statePath("registries", "_default", "hosts.toml"), mirror))
		},
	}
}

func kubelet(bins Binaries) part {
	config := `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: ` + IP + `
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: ` + pkiPath("ca.crt") + `}}
authorization: {mode: Webhook}
tlsCertFile: ` + pkiPath("kubelet.crt") + `
tlsPrivateKeyFile: ` + pkiPath("kubelet.key") + `
containerRuntimeEndpoint: unix://` + runDir + `/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: ` + kubeletCgroup() + `
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
evictionHard: {memory.available: "100Mi"}
imageGCHighThresholdPercent: 100
maxPods: 250
registryPullQPS: 0
eventRecordQPS: 0
resolvConf: /etc/resolv.conf
`
	return part{
		name: "kubelet",
		args: []string{bins.path("kubelet"), "--config=" + statePath("kubelet.yaml"),
			"--kubeconfig=" + pkiPath("kubelet.kubeconfig"), "--root-dir=" + statePath("kubelet"),
			"--hostname-override=slipway", "--node-ip=" + IP},
		prepare: func() error { return write(statePath("kubelet.yaml"), config) },
		ready:   nodeReady,
		facts:   "node slipway, pods " + podNet,
	}
}

// kubeletCgroup is the group that pods are put under.
func kubeletCgroup() string {
	if h := hierarchies(); len(h) == 1 && h[0] == cgroupRoot {
		return "/slipway"
	}
	return "/"
}

// apiClient speaks to the API server as its administrator.
func apiClient() (*http.Client, error) {
	pair, err := tls.LoadX509KeyPair(pkiPath("admin.crt"), pkiPath("admin.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(pkiPath("ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool}, DisableKeepAlives: true},
	}, nil
}

func apiServerReady(ctx context.Context) error {
	_, err := askAPI(ctx, "/readyz")
	return err
}

func nodeReady(ctx context.Context) error {
	// After a restart the node's last life is still on record, so the kubelet
	// is asked as well.
	client, err := apiClient()
	if err != nil {
		return err
	}
	if _, err := ask(ctx, client, "https://"+IP+":10250/healthz"); err != nil {
		return err
	}
	body, err := askAPI(ctx, "/api/v1/nodes/slipway")
	if err != nil {
		return err
	}
	// Compact JSON of the API server: one condition, its status, is enough to ask.
	if !strings.Contains(body, `"reason":"KubeletReady"`) {
		return errors.New("node slipway is not ready")
	}
	return nil
}

func askAPI(ctx context.Context, path string) (string, error) {
	client, err := apiClient()
	if err != nil {
		return "", err
	}
	return ask(ctx, client, apiServer+path)
}

// ask returns the body of a 200 answer.
func ask(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", url, res.Status)
	}
	return string(body), nil
}

func write(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}
