// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"k8s.io/apimachinery/pkg/types"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

// longestMessage bounds a commit message: a template may multiply what it is given.
const longestMessage = 64 << 10

// A messageRequest holds a template of spec.git.commit, and what a push is about to change.
type messageRequest struct {
	Template  string            `json:"template"`
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Values    map[string]string `json:"values"`
	Changes   []changedValue    `json:"changes"`
}

// A changedValue is one value that was set, in the order of files and lines.
type changedValue struct {
	File       string `json:"file"`
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	Old        string `json:"old"`
	New        string `json:"new"`
	Setter     string `json:"setter"`
}

type messageResult struct {
	Message string `json:"message"`
}

// The types below are what templates of users name: fields and methods are image-automation-controller's.
type templateData struct {
	AutomationObject types.NamespacedName
	Changed          changed
	Values           map[string]string
}

type changed struct {
	FileChanges map[string]objectChanges
	ordered     []change
}

type objectChanges map[objectIdentifier][]change

type objectIdentifier struct {
	kyaml.ResourceIdentifier
}

type change struct {
	OldValue string
	NewValue string
	Setter   string
}

// Changes returns each change once. In Flux their order is chance; here it is that of the files.
func (c changed) Changes() []change { return c.ordered }

// Objects returns the changes of all files by object.
func (c changed) Objects() objectChanges {
	found := objectChanges{}
	for _, objects := range c.FileChanges {
		for object, changes := range objects {
			found[object] = changes
		}
	}
	return found
}

// message renders a commit message as Flux does: its functions give the same result wherever they run.
func message(_ *engine, req *messageRequest) (*messageResult, error) {
	parsed, err := template.New("commit message").Funcs(sprig.HermeticTxtFuncMap()).Parse(req.Template)
	if err != nil {
		return nil, &failure{Kind: "template", Message: "unable to create commit message template from spec: " + err.Error()}
	}
	data := templateData{
		AutomationObject: types.NamespacedName{Namespace: req.Namespace, Name: req.Name},
		Changed:          changesOf(req.Changes),
		Values:           req.Values,
	}
	out := &bounded{}
	if err := parsed.Execute(out, data); err != nil {
		return nil, templateFailure(err)
	}
	return &messageResult{Message: out.String()}, nil
}

func changesOf(values []changedValue) changed {
	result := changed{FileChanges: map[string]objectChanges{}}
	for _, value := range values {
		object := objectIdentifier{kyaml.ResourceIdentifier{
			TypeMeta: kyaml.TypeMeta{APIVersion: value.APIVersion, Kind: value.Kind},
			NameMeta: kyaml.NameMeta{Name: value.Name, Namespace: value.Namespace},
		}}
		one := change{OldValue: value.Old, NewValue: value.New, Setter: value.Setter}
		if result.FileChanges[value.File] == nil {
			result.FileChanges[value.File] = objectChanges{}
		}
		result.FileChanges[value.File][object] = append(result.FileChanges[value.File][object], one)
		if !slices.Contains(result.ordered, one) {
			result.ordered = append(result.ordered, one)
		}
	}
	return result
}

// removedFields are what templates written for older versions of Flux name.
var removedFields = []struct{ said, field, instead string }{
	{"can't evaluate field Updated in type main.templateData", ".Updated", "'.Changed'"},
	{"can't evaluate field ImageResult in type main.changed", ".Changed.ImageResult", "'.Changed.FileChanges' or '.Changed.Objects'"},
}

func templateFailure(err error) *failure {
	for _, removed := range removedFields {
		if strings.Contains(err.Error(), removed.said) {
			return &failure{Kind: "removed_field", Message: fmt.Sprintf(
				"template uses removed '%s' field. Please use %s instead. See: https://fluxcd.io/flux/components/image/imageupdateautomations/#message-template",
				removed.field, removed.instead)}
		}
	}
	return &failure{Kind: "template", Message: "failed to run template from spec: " + err.Error()}
}

// bounded refuses to grow beyond the longest message.
type bounded struct{ strings.Builder }

func (b *bounded) Write(text []byte) (int, error) {
	if b.Len()+len(text) > longestMessage {
		return 0, fmt.Errorf("the message is longer than %d KiB", longestMessage>>10)
	}
	return b.Builder.Write(text)
}
