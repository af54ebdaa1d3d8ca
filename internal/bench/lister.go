// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// A lister answers what clients of Kubernetes ask when they start, in JSON: it lists many
// pods and nothing else, and its watches tell of nothing more. A real API server would
// need minutes to be given as many.
type lister struct {
	pods   int
	folder string
	server http.Server
	done   chan error
}

// newLister starts one, and has clients find it by their kubeconfig.
func newLister(pods int) (_ *lister, err error) {
	l := &lister{pods: pods, done: make(chan error, 1)}
	if l.folder, err = os.MkdirTemp("", "tcpwhy-bench-"); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen: %w", err), os.RemoveAll(l.folder))
	}
	l.server.Handler = l
	go func() { l.done <- l.server.Serve(listener) }()
	file := filepath.Join(l.folder, "kubeconfig")
	text := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: "http://%s"}}],
users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}`, listener.Addr())
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Setenv("KUBECONFIG", file)); err != nil {
		return nil, errors.Join(err, l.stop())
	}
	return l, nil
}

func (l *lister) stop() error {
	err := errors.Join(l.server.Close(), os.RemoveAll(l.folder))
	if served := <-l.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// kinds of what is asked for, by the last part of its path.
var kinds = map[string]string{"pods": "Pod", "services": "Service", "nodes": "Node"}

// ServeHTTP answers.
func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	kind, query := kinds[path.Base(r.URL.Path)], r.URL.Query()
	pods := 0
	switch kind {
	case "":
		http.NotFound(w, r)
		return
	case "Pod":
		pods = l.pods
	}
	if query.Get("watch") == "" {
		list(w, kind, pods)
		return
	}
	if query.Get("sendInitialEvents") == "true" {
		stream(w, kind, pods)
	}
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// list writes a list. The client tells if it was cut.
func list(w io.Writer, kind string, pods int) {
	items := make([]*corev1.Pod, pods)
	for i := range items {
		items[i] = podOfList(i)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"apiVersion": "v1", "kind": kind + "List", "metadata": map[string]any{"resourceVersion": "1"}, "items": items,
	})
}

// stream writes a list as a watch begins with it.
func stream(w io.Writer, kind string, pods int) {
	encoder := json.NewEncoder(w)
	for i := range pods {
		_ = encoder.Encode(map[string]any{"type": watch.Added, "object": podOfList(i)})
	}
	_ = encoder.Encode(map[string]any{"type": watch.Bookmark, "object": map[string]any{
		"apiVersion": "v1", "kind": kind,
		"metadata": map[string]any{"resourceVersion": "1", "annotations": map[string]string{metav1.InitialEventsAnnotationKey: "true"}},
	}})
}

func podOfList(i int) *corev1.Pod {
	p := podNumber(i)
	p.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	p.ResourceVersion = "1"
	return p
}
