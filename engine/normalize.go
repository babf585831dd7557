// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/fluxcd/pkg/ssa/normalize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// normalized gives an object the form in which kustomize-controller applies it: built-in kinds go through
// their Go type (a Secret's stringData becomes data, ports get their protocol, unknown fields are dropped),
// so that the fields we own are those that Flux would own.
func normalized(object *unstructured.Unstructured) error {
	ssautil.RemoveCABundleFromCRD(object)
	rules := object.GetKind() == "Role" || object.GetKind() == "ClusterRole"
	if rules && object.GetAPIVersion() == rbacv1.SchemeGroupVersion.String() {
		return nil // as Flux: their rules do not survive the way through the type
	}
	if err := normalize.Unstructured(object); err != nil {
		return fmt.Errorf("%s normalization error: %w", ssautil.FmtUnstructured(object), err)
	}
	return nil
}
