// SPDX-License-Identifier: Apache-2.0

// Command kstatus answers, one JSON line for each, how Flux judges an object: with the status readers that
// kustomize-controller waits with. The tests hold policies/health against it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/statusreaders"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	jobs "github.com/fluxcd/pkg/runtime/statusreaders"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

type question struct {
	Object json.RawMessage
	Pods   []json.RawMessage
	Checks []kustomize.CustomHealthCheck
}

type answer struct{ Status, Message, Error string }

// pods answers every list with the pods it was given, and nothing else.
type pods []unstructured.Unstructured

func (p pods) Get(context.Context, client.ObjectKey, *unstructured.Unstructured) error { return nil }
func (p pods) Sync(context.Context) error                                              { return nil }
func (p pods) ListClusterScoped(context.Context, *unstructured.UnstructuredList, labels.Selector) error {
	return nil
}
func (p pods) ListNamespaceScoped(_ context.Context, list *unstructured.UnstructuredList, _ string, _ labels.Selector) error {
	if list.GroupVersionKind().Kind == "Pod" || list.GroupVersionKind().Kind == "PodList" {
		list.Items = p
	}
	return nil
}

func ask(reader engine.StatusReader, q question) (a answer) {
	var obj unstructured.Unstructured
	if err := obj.UnmarshalJSON(q.Object); err != nil {
		panic(err)
	}
	known := make(pods, len(q.Pods))
	for i, pod := range q.Pods {
		if err := known[i].UnmarshalJSON(pod); err != nil {
			panic(err)
		}
	}
	defer func() {
		if r := recover(); r != nil {
			a = answer{Status: "panic"}
		}
	}()
	found, err := reader.ReadStatusForObject(context.Background(), known, &obj)
	if err != nil {
		panic(err)
	}
	a = answer{Status: string(found.Status), Message: found.Message}
	if found.Error != nil {
		a.Error = found.Error.Error()
	}
	return a
}

// withChecks puts a Kustomization's own checks where kustomize-controller does: behind its Job reader.
func withChecks(plain engine.StatusReader, mapper meta.RESTMapper, checks []kustomize.CustomHealthCheck) (engine.StatusReader, error) {
	if len(checks) == 0 {
		return plain, nil
	}
	made, err := cel.NewStatusReader(checks)
	if err != nil {
		return nil, err
	}
	return statusreaders.NewStatusReader(mapper, jobs.NewCustomJobStatusReader(mapper), made(mapper)), nil
}

func main() {
	core, apps := schema.GroupVersion{Version: "v1"}, schema.GroupVersion{Group: "apps", Version: "v1"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{core, apps})
	mapper.Add(core.WithKind("Pod"), meta.RESTScopeNamespace)
	mapper.Add(apps.WithKind("ReplicaSet"), meta.RESTScopeNamespace)
	plain := statusreaders.NewStatusReader(mapper, jobs.NewCustomJobStatusReader(mapper))
	lines, out := bufio.NewReaderSize(os.Stdin, 1<<20), json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var q question
		if err := json.Unmarshal(line, &q); err != nil {
			panic(err)
		}
		reader, err := withChecks(plain, mapper, q.Checks)
		if err != nil {
			_ = out.Encode(answer{Status: "refused", Error: err.Error()})
			continue
		}
		_ = out.Encode(ask(reader, q))
	}
}
