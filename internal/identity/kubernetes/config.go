// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Defaults.
const (
	DefaultGrace       = 120 * time.Second
	DefaultWaitTimeout = 10 * time.Second
)

// AuthType says how to authenticate to the API server, as contrib's Kubernetes
// components have it.
type AuthType string

// Ways to authenticate.
const (
	AuthNone           AuthType = "none"
	AuthServiceAccount AuthType = "serviceAccount"
	AuthKubeConfig     AuthType = "kubeConfig"
)

// Scope says of which nodes pods and nodes are watched.
type Scope string

// Scopes.
const (
	ScopeCluster Scope = "cluster"
	ScopeNode    Scope = "node"
)

// Config is what to watch, and how to reach the API server. Names and meanings are
// those of contrib's Kubernetes components where these have them.
type Config struct {
	// AuthType is serviceAccount unless set.
	AuthType AuthType `mapstructure:"auth_type"`
	// Context of the kubeconfig, instead of its current one. Without a kubeconfig it is not
	// read, as in contrib's components.
	Context string `mapstructure:"context"`
	// KubeAPIQPS and KubeAPIBurst bound requests a second; client-go's unless set.
	KubeAPIQPS   float32 `mapstructure:"kube_api_qps"`
	KubeAPIBurst int     `mapstructure:"kube_api_burst"`

	// Scope is node if the filter has one, else cluster, unless set.
	Scope Scope `mapstructure:"scope"`
	// Filter leaves out pods.
	Filter FilterConfig `mapstructure:"filter"`
	// ClusterName is k8s.cluster.name of all identities.
	ClusterName string `mapstructure:"cluster_name"`
	// ServiceNameFromLabels derives service.name from the well-known labels
	// app.kubernetes.io/instance and /name, too. On unless set.
	ServiceNameFromLabels *bool `mapstructure:"service_name_from_labels"`
	// PodDeleteGracePeriod is how long what was deleted is still known: [DefaultGrace]
	// unless set.
	PodDeleteGracePeriod *time.Duration `mapstructure:"pod_delete_grace_period"`
	// WaitForMetadata makes the start wait until all is known.
	WaitForMetadata bool `mapstructure:"wait_for_metadata"`
	// WaitForMetadataTimeout is how long, [DefaultWaitTimeout] unless set.
	WaitForMetadataTimeout time.Duration `mapstructure:"wait_for_metadata_timeout"`

	_ struct{}
}

// FilterConfig leaves out pods.
type FilterConfig struct {
	// Node is the only one whose pods are watched.
	Node string `mapstructure:"node"`
	// NodeFromEnvVar is the environment variable that has its name.
	NodeFromEnvVar string `mapstructure:"node_from_env_var"`
	// Namespace is the only one whose pods and services are watched.
	Namespace string `mapstructure:"namespace"`
	// Fields and Labels of pods.
	Fields []FieldFilterConfig `mapstructure:"fields"`
	Labels []FieldFilterConfig `mapstructure:"labels"`

	_ struct{}
}

// FieldFilterConfig is one condition of a field or a label.
type FieldFilterConfig struct {
	Key   string `mapstructure:"key"`
	Value string `mapstructure:"value"`
	// Op is equals (or empty), not-equals and, of labels, exists or does-not-exist.
	Op string `mapstructure:"op"`

	_ struct{}
}

// Validate returns errors that name the key and the rule.
func (c *Config) Validate() error {
	return errors.Join(c.validateClient(), c.validateScope(), c.Filter.validate())
}

func (c *Config) validateClient() error {
	var errs []error
	switch c.AuthType {
	case "", AuthNone, AuthServiceAccount, AuthKubeConfig:
	case "tls": // contrib takes it and then panics at start, as it has no settings for a certificate
		errs = append(errs, errors.New(`auth_type: "tls" has no settings, in contrib neither: must be kubeConfig for a client certificate`))
	default:
		errs = append(errs, fmt.Errorf("auth_type: %q must be none, serviceAccount or kubeConfig", c.AuthType))
	}
	if c.KubeAPIQPS < 0 {
		errs = append(errs, fmt.Errorf("kube_api_qps: %v must not be below 0", c.KubeAPIQPS))
	}
	if c.KubeAPIBurst < 0 {
		errs = append(errs, fmt.Errorf("kube_api_burst: %d must not be below 0", c.KubeAPIBurst))
	}
	if g := c.grace(); g < 0 {
		errs = append(errs, fmt.Errorf("pod_delete_grace_period: %s must not be below 0s", g))
	}
	if c.WaitForMetadataTimeout < 0 {
		errs = append(errs, fmt.Errorf("wait_for_metadata_timeout: %s must not be below 0s", c.WaitForMetadataTimeout))
	}
	return errors.Join(errs...)
}

func (c *Config) validateScope() error {
	one := c.Filter.Node != "" || c.Filter.NodeFromEnvVar != ""
	switch c.Scope {
	case "":
	case ScopeCluster:
		if one {
			return errors.New("scope: must be node where filter::node or filter::node_from_env_var is set")
		}
	case ScopeNode:
		if !one {
			return errors.New("scope: node needs filter::node or filter::node_from_env_var")
		}
	default:
		return fmt.Errorf("scope: %q must be cluster or node", c.Scope)
	}
	return nil
}

func (f *FilterConfig) validate() error {
	var errs []error
	if v := f.NodeFromEnvVar; v != "" && os.Getenv(v) == "" {
		errs = append(errs, fmt.Errorf("filter::node_from_env_var: the environment variable %q must be set", v))
	}
	if f.Node != "" && f.NodeFromEnvVar != "" {
		errs = append(errs, errors.New("filter: only one of node and node_from_env_var must be set"))
	}
	for i, c := range f.Fields {
		if _, err := c.field(); err != nil {
			errs = append(errs, fmt.Errorf("filter::fields[%d]: %w", i, err))
		}
	}
	for i, c := range f.Labels {
		if _, err := c.label(); err != nil {
			errs = append(errs, fmt.Errorf("filter::labels[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

// node is the only one that is watched, or empty.
func (f *FilterConfig) node() string {
	if f.NodeFromEnvVar != "" {
		return os.Getenv(f.NodeFromEnvVar)
	}
	return f.Node
}

// hides tells whether some pods of a node are left out.
func (f *FilterConfig) hides() bool {
	return f.Namespace != "" || len(f.Fields) > 0 || len(f.Labels) > 0
}

func (c *Config) grace() time.Duration {
	if c.PodDeleteGracePeriod == nil {
		return DefaultGrace
	}
	return *c.PodDeleteGracePeriod
}

// strayContext tells that a context is set and not read.
func (c *Config) strayContext() bool { return c.Context != "" && c.AuthType != AuthKubeConfig }

func (c *Config) waitTimeout() time.Duration {
	if c.WaitForMetadataTimeout == 0 {
		return DefaultWaitTimeout
	}
	return c.WaitForMetadataTimeout
}

func (c *Config) labelsName() bool {
	return c.ServiceNameFromLabels == nil || *c.ServiceNameFromLabels
}
