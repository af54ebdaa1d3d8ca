// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// newClient returns a client of pods, services and nodes, and of no other API: the
// whole client would bring the types of all of them. It asks for protobuf, which is
// smaller to send and cheaper to read.
func newClient(cfg *Config) (rest.Interface, error) {
	c, err := clientConfig(cfg)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	c.GroupVersion = &corev1.SchemeGroupVersion
	c.APIPath = "/api"
	c.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	c.ContentType = runtime.ContentTypeProtobuf
	c.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	c.UserAgent = "tcpwhy " + rest.DefaultKubernetesUserAgent()
	if cfg.KubeAPIQPS > 0 {
		c.QPS = cfg.KubeAPIQPS
	}
	if cfg.KubeAPIBurst > 0 {
		c.Burst = cfg.KubeAPIBurst
	}
	client, err := rest.RESTClientFor(c)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return client, nil
}

func clientConfig(cfg *Config) (*rest.Config, error) {
	var c *rest.Config
	var err error
	switch cfg.AuthType {
	case AuthKubeConfig:
		c, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			clientcmd.NewDefaultClientConfigLoadingRules(),
			&clientcmd.ConfigOverrides{CurrentContext: cfg.Context}).ClientConfig()
	case AuthNone:
		c, err = anonymousConfig()
	default:
		c, err = rest.InClusterConfig()
	}
	if err != nil {
		return nil, fmt.Errorf("find the API server (auth_type %s): %w", cfg.authType(), err)
	}
	if c.Proxy == nil { // the API server is near: a proxy for the world does not know it, unless a kubeconfig names one
		c.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	return c, nil
}

func (c *Config) authType() AuthType {
	if c.AuthType == "" {
		return AuthServiceAccount
	}
	return c.AuthType
}

// anonymousConfig trusts whatever answers, as contrib's none does: it is for tests.
func anonymousConfig() (*rest.Config, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set")
	}
	return &rest.Config{
		Host:            "https://" + net.JoinHostPort(host, port),
		TLSClientConfig: rest.TLSClientConfig{Insecure: true},
	}, nil
}
