// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	corev1 "k8s.io/api/core/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// patience is for machines that do other things, too.
const patience = 3 * time.Minute

var server *apiserver.Server

func TestMain(m *testing.M) {
	// client-go finds a silent connection dead after 45 s; tests do not wait so long.
	for k, v := range map[string]string{"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "2", "HTTP2_PING_TIMEOUT_SECONDS": "1"} {
		if err := os.Setenv(k, v); err != nil {
			panic(err)
		}
	}
	os.Exit(run(m))
}

func run(m *testing.M) (code int) {
	var err error
	if server, err = apiserver.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code = m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// A live cluster is a namespace of the API server, and what kubelets would do in it.
type live struct {
	t         *testing.T
	server    *apiserver.Server
	logger    *zap.Logger
	admin     *apiserver.Client
	proxy     *apiserver.Proxy
	namespace string
}

func newLive(t *testing.T) *live { return newLiveOf(t, server) }

func newLiveOf(t *testing.T, server *apiserver.Server) *live {
	admin, err := server.As(apiserver.AdminToken)
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	proxy, err := apiserver.NewProxy(server.Address)
	require.NoError(t, err)
	t.Cleanup(proxy.Stop)
	l := &live{t: t, server: server, logger: zap.NewNop(), admin: admin, proxy: proxy, namespace: fmt.Sprintf("test-%08x", rand.Uint32())}
	require.NoError(t, admin.Namespace(t.Context(), l.namespace))
	return l
}

func (l *live) do(method, path string, body, out any) {
	l.t.Helper()
	require.NoError(l.t, l.admin.Do(l.t.Context(), method, path, body, out))
}

// open opens a source by a kubeconfig that leads through the proxy.
func (l *live) open(token string, cfg kubernetes.Config) *kubernetes.Source {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c,
clusters: [{name: c, cluster: {server: "https://%s", certificate-authority: %q}}],
users: [{name: u, user: {token: %q}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`,
		l.proxy.Address, l.server.CAFile(), token)
	require.NoError(l.t, os.WriteFile(path, []byte(text), 0o600))
	l.t.Setenv("KUBECONFIG", path)
	cfg.AuthType = kubernetes.AuthKubeConfig
	require.NoError(l.t, cfg.Validate())
	s, err := kubernetes.Open(context.Background(), &cfg, l.logger)
	require.NoError(l.t, err)
	l.t.Cleanup(func() { require.NoError(l.t, s.Close()) })
	return s
}

// follow opens a source of the namespace and waits until it is up to date.
func (l *live) follow() *kubernetes.Source {
	l.t.Helper()
	grace := time.Hour // longer than a test
	s := l.open(apiserver.AdminToken, kubernetes.Config{
		ClusterName: "c", PodDeleteGracePeriod: &grace, Filter: kubernetes.FilterConfig{Namespace: l.namespace},
	})
	l.current(s)
	return s
}

func (l *live) current(s *kubernetes.Source) {
	l.t.Helper()
	l.eventually(func() bool { status := s.Status(); return status.Current() }, "up to date")
}

func (l *live) eventually(f func() bool, what string) {
	l.t.Helper()
	require.Eventually(l.t, f, patience, 5*time.Millisecond, what)
}

// A pod is one of the test's, on a node.
type pod = apiserver.Pod

func (l *live) create(p *pod) error {
	p.Namespace = l.namespace
	return l.admin.Create(l.t.Context(), p)
}

func (l *live) start(p *pod) error  { return l.admin.Start(l.t.Context(), p) }
func (l *live) ask(p *pod) error    { return l.admin.Ask(l.t.Context(), p) }
func (l *live) remove(p *pod) error { return l.admin.Remove(l.t.Context(), p) }
func (l *live) finish(p *pod) error { return l.admin.Finish(l.t.Context(), p) }

func (l *live) run(p *pod) {
	l.t.Helper()
	require.NoError(l.t, l.create(p))
	require.NoError(l.t, l.start(p))
}

func (l *live) node(name, zone string, addresses ...string) {
	l.t.Helper()
	require.NoError(l.t, l.admin.Node(l.t.Context(), name, zone, addresses...))
	l.t.Cleanup(func() {
		require.NoError(l.t, l.admin.Do(context.Background(), http.MethodDelete, "/api/v1/nodes/"+name, nil, nil))
	})
}

// service makes a service and returns its addresses.
func (l *live) service(name string, spec corev1.ServiceSpec, balancer ...string) []string {
	l.t.Helper()
	addresses, err := l.admin.Service(l.t.Context(), l.namespace, name, spec, balancer...)
	require.NoError(l.t, err)
	return addresses
}

func remote(s *kubernetes.Source, address string, port uint16, at time.Time) string {
	return kubernetes.Tell(s.Remote(netip.MustParseAddr(address), port, uint64(at.UnixNano())))
}
