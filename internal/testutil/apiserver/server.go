// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package apiserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// AdminToken is of a user who may do everything.
const AdminToken = "administrator"

// readyWithin is how long the start of both programs may take: 3 s on a machine at
// rest.
const readyWithin = 3 * time.Minute

// A Server is an API server and its etcd.
type Server struct {
	// Address is host and port of the API server. It stays the same.
	Address string

	folder, bin string
	flags       []string // of the API server, beside its own
	etcd, api   *exec.Cmd
	etcdURL     string
}

// Start starts both, the API server with more flags, and waits until it is ready.
func Start(flags ...string) (*Server, error) {
	bin := os.Getenv("K8S_BIN")
	if bin == "" {
		return nil, errors.New("find kube-apiserver: K8S_BIN is not set: make test-k8s")
	}
	folder, err := os.MkdirTemp("", "tcpwhy-apiserver")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, bin: bin, flags: flags}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start() error {
	if err := writeSecrets(s.folder); err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	s.etcdURL, s.Address = "http://"+ports[0], ports[2]
	peer := "http://" + ports[1]
	s.etcd, err = s.run("etcd", "--data-dir", filepath.Join(s.folder, "etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", s.etcdURL, "--advertise-client-urls", s.etcdURL,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	if err != nil {
		return err
	}
	return s.Resume()
}

// Resume starts the API server after [Server.Kill], on what etcd has.
func (s *Server) Resume() (err error) {
	_, port, _ := net.SplitHostPort(s.Address)
	file := func(name string) string { return filepath.Join(s.folder, name) }
	s.api, err = s.run("kube-apiserver", append([]string{
		"--etcd-servers=" + s.etcdURL,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + port, "--endpoint-reconciler-type=none",
		"--tls-cert-file=" + file("serving.crt"), "--tls-private-key-file=" + file("serving.key"), "--token-auth-file=" + file("tokens.csv"),
		"--authorization-mode=RBAC", "--allow-privileged=true", "--disable-admission-plugins=ServiceAccount",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-signing-key-file=" + file("accounts.key"),
		"--service-account-key-file=" + file("accounts.pub"), "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
		"--shutdown-watch-termination-grace-period=2s", "--profiling=false",
		"--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
	}, s.flags...)...)
	if err != nil {
		return err
	}
	return s.ready()
}

// ready waits until the API server says that it is.
func (s *Server) ready() error {
	admin, err := s.As(AdminToken)
	if err != nil {
		return err
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	for {
		err := admin.Do(ctx, "GET", "/readyz", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start kube-apiserver: not ready within %s: %w (logs are in %s)", readyWithin, err, s.folder)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// CAFile is the certificate that signs the API server's.
func (s *Server) CAFile() string { return filepath.Join(s.folder, "serving.crt") }

// Kill ends the API server as a crash does. etcd goes on.
func (s *Server) Kill() error {
	err := end(s.api)
	s.api = nil
	return err
}

// Stop ends both and removes what they wrote.
func (s *Server) Stop() error {
	return errors.Join(end(s.api), end(s.etcd), os.RemoveAll(s.folder))
}

// run starts a program that dies with this one. Its log goes to a file of its name.
func (s *Server) run(name string, args ...string) (*exec.Cmd, error) {
	log, err := os.OpenFile(filepath.Join(s.folder, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func(c io.Closer) { _ = c.Close() }(log)
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Stdout, c.Stderr, c.Dir = log, log, s.folder
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return c, nil
}

func end(c *exec.Cmd) error {
	if c == nil {
		return nil
	}
	if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", c.Path, err)
	}
	_ = c.Wait() // it says that it was killed
	return nil
}

func freePorts(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
