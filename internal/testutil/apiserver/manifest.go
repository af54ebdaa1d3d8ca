// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// RolePath is where cluster roles are.
const RolePath = "/apis/rbac.authorization.k8s.io/v1/clusterroles/"

// collections are paths by the kind of object that manifests of ours have.
var collections = map[string]string{
	"Namespace":          "/api/v1/namespaces",
	"ServiceAccount":     "/api/v1/namespaces/%s/serviceaccounts",
	"ClusterRole":        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
	"ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}

// Apply makes what a manifest has, which is not there yet.
func (c *Client) Apply(ctx context.Context, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var object map[string]any
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		kind, _ := object["kind"].(string)
		collection, known := collections[kind]
		if !known {
			return fmt.Errorf("apply %s: nobody told where a %q goes", path, kind)
		}
		if meta, _ := object["metadata"].(map[string]any); meta["namespace"] != nil {
			collection = fmt.Sprintf(collection, meta["namespace"])
		}
		if err := c.Do(ctx, http.MethodPost, collection, object, nil); err != nil {
			return err
		}
	}
}

// Token is one of a service account, as its pods have it.
func (c *Client) Token(ctx context.Context, namespace, account string) (string, error) {
	var answer struct{ Status struct{ Token string } }
	err := c.Do(ctx, http.MethodPost, fmt.Sprintf(collections["ServiceAccount"], namespace)+"/"+account+"/token",
		map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": map[string]any{}}, &answer)
	return answer.Status.Token, err
}
