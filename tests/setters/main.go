// SPDX-License-Identifier: Apache-2.0

// Command setters answers, one JSON line for each, what Flux makes of a folder with markers: with the code
// that image-automation-controller runs. The tests hold policies/images/setters against it.
//
// Its module's path is below the controller's, because that code is internal to it.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/fluxcd/image-automation-controller/internal/update"
	reflectorv1 "github.com/fluxcd/image-reflector-controller/api/v1"
	"github.com/go-logr/logr"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	kubernetes "sigs.k8s.io/yaml"
)

type question struct {
	Folder   string // that is updated in place
	Policies []policy
	Read     *string // a text to read instead
}

type policy struct {
	Namespace, Name string
	Ref             reflectorv1.ImageRef
}

type change struct{ Path, Kind, Namespace, Name, Setter, Old, New string }

type answer struct {
	Error    string
	Changes  []change
	Problems []string
	Nodes    any // of the text, as kyaml has them: a scalar is its tag and text
	Kube     any // the same text, as the API server has it; nothing when it is no single document
}

func updated(q question) (a answer) {
	var policies []reflectorv1.ImagePolicy
	for _, p := range q.Policies {
		var made reflectorv1.ImagePolicy
		made.Namespace, made.Name, made.Status.LatestRef = p.Namespace, p.Name, &p.Ref
		policies = append(policies, made)
	}
	reader := update.ScreeningLocalReader{Token: `"$imagepolicy"`, Path: q.Folder}
	if _, err := reader.Read(); err != nil {
		return answer{Error: err.Error()}
	}
	a.Problems = reader.ProblemFiles
	result, err := update.UpdateWithSetters(logr.Discard(), q.Folder, q.Folder, policies)
	if err != nil {
		a.Error = err.Error()
	}
	for path, objects := range result.FileChanges {
		for id, changes := range objects {
			for _, c := range changes {
				a.Changes = append(a.Changes, change{
					filepath.ToSlash(path), id.Kind, id.Namespace, id.Name, c.Setter, c.OldValue, c.NewValue,
				})
			}
		}
	}
	return a
}

func plain(n *yaml.Node, depth int) any {
	if depth > 50 {
		return "too deep"
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return plain(n.Content[0], depth+1)
	case yaml.AliasNode:
		return plain(n.Alias, depth+1)
	case yaml.ScalarNode:
		return map[string]string{"tag": n.ShortTag(), "text": n.Value}
	}
	found := []any{}
	for _, inner := range n.Content {
		found = append(found, plain(inner, depth+1))
	}
	return map[string]any{"kind": n.Kind, "of": found}
}

func read(text string) (a answer) {
	var nodes []any
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if err != nil {
			if err.Error() != "EOF" {
				a.Error = err.Error()
			}
			break
		}
		nodes = append(nodes, plain(&node, 0))
	}
	a.Nodes = nodes
	_ = kubernetes.Unmarshal([]byte(text), &a.Kube)
	return a
}

func main() {
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
		if q.Read != nil {
			_ = out.Encode(read(*q.Read))
		} else {
			_ = out.Encode(updated(q))
		}
	}
}
