// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/fluxcd/pkg/kustomize"
	securefs "github.com/fluxcd/pkg/kustomize/filesys"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// A buildRequest names a source tree and a Kustomization as it lies in the cluster. Variables are resolved
// by the caller: the engine reads no ConfigMap and no Secret. Decrypted holds plaintexts by ciphertext.Key.
type buildRequest struct {
	Artifact      string            `json:"artifact"`
	Digest        string            `json:"digest"`
	Kustomization map[string]any    `json:"kustomization"`
	Variables     map[string]string `json:"variables"`
	Strict        bool              `json:"strict"`
	Normalize     bool              `json:"normalize"`
	Decrypted     map[string][]byte `json:"decrypted"`
}

// A buildResult holds the objects in kustomize's order, for each the file it came from ("" when unknown),
// the digest of the rendered YAML as kustomize-controller records it in status.history, and what was read of
// the tree where the same build need not be repeated; or only what has to be decrypted before there can be any.
type buildResult struct {
	Objects   []json.RawMessage `json:"objects"`
	Origins   []string          `json:"origins"`
	Digest    string            `json:"digest"`
	Encrypted []ciphertext      `json:"encrypted,omitempty"`
	Reads     map[string]string `json:"reads,omitempty"`
}

func build(e *engine, req *buildRequest) (*buildResult, error) {
	tree, err := e.trees.open(req.Artifact, req.Digest)
	if err != nil {
		return nil, err
	}
	root := tree.root
	spec, _, _ := unstructured.NestedString(req.Kustomization, "spec", "path")
	dir, err := securejoin.SecureJoin(root, spec)
	if err != nil {
		return nil, &failure{Kind: "path_not_found", Message: err.Error()}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &failure{Kind: "path_not_found", Message: fmt.Sprintf("kustomization path not found: %s", shownPath(spec))}
	}
	secrets := newDecryption(req)
	reads := newReadSet(root)
	components, _, _ := unstructured.NestedStringSlice(req.Kustomization, "spec", "components")
	reads.noteGenerated(dir, components)
	built, err := buildTree(tree, reads, dir, req, secrets, e.maxOutput)
	if len(secrets.wanted) > 0 && err == nil {
		return &buildResult{Encrypted: secrets.wanted}, nil
	}
	if built != nil && !secrets.on {
		built.Reads = reads.states(tree)
	}
	return built, secrets.withheld(err)
}

// buildTree returns nothing, and no error, when something has to be decrypted first.
func buildTree(tree *treeState, reads *readSet, dir string, req *buildRequest, secrets *decryption, maxOutput int) (*buildResult, error) {
	root := tree.root
	resources, asked, err := render(tree, reads, dir, req, secrets)
	if err != nil {
		return nil, within(root, dir, err)
	}
	if len(secrets.wanted) > 0 {
		return nil, nil
	}
	origins := originsOf(resources, root, dir)
	if !asked {
		if err := resources.RemoveOriginAnnotations(); err != nil {
			return nil, err
		}
	}
	if err := secrets.resources(resources); err != nil || len(secrets.wanted) > 0 {
		return nil, err
	}
	if err := substitute(resources, req); err != nil {
		return nil, within(root, dir, err)
	}
	return collect(resources, origins, req, maxOutput)
}

// render runs kustomize on the tree with the generated kustomization.yaml laid over it in memory, and
// tells whether the user asked for origin annotations: we always do, to name files in errors.
func render(tree *treeState, reads *readSet, dir string, req *buildRequest, secrets *decryption) (resmap.ResMap, bool, error) {
	root := tree.root
	generator := kustomize.NewGenerator(root, unstructured.Unstructured{Object: req.Kustomization})
	manifest, file, _, err := generator.GenerateManifest(dir)
	if err != nil {
		return nil, false, err
	}
	var generated types.Kustomization
	if err := yaml.Unmarshal(manifest, &generated); err != nil {
		return nil, false, err
	}
	asked := slices.Contains(generated.BuildMetadata, types.OriginAnnotations)
	if !asked {
		generated.BuildMetadata = append(generated.BuildMetadata, types.OriginAnnotations)
		if manifest, err = yaml.Marshal(generated); err != nil {
			return nil, false, err
		}
	}
	fs, err := overlay(root, file, manifest)
	if err != nil {
		return nil, false, err
	}
	if err := secrets.sources(fs, root, dir); err != nil || len(secrets.wanted) > 0 {
		return nil, asked, err
	}
	resources, err := runKustomize(recordingFS{fs, reads}, dir, tree.namesSchema())
	return resources, asked, err
}

// runKustomize builds with the options Flux builds with. Flux resets kustomize's global OpenAPI schema
// around each build, because a kustomization may replace it; that costs 50 ms, so a tree in which no
// kustomization names a schema is built without.
func runKustomize(fs filesys.FileSystem, dir string, schema bool) (res resmap.ResMap, err error) {
	if schema {
		return kustomize.Build(fs, dir)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered from kustomize build panic: %v", r)
		}
	}()
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(fs, dir)
}

// namesSchema tells whether a kustomization file of the tree may set an OpenAPI schema.
func namesSchema(root string) bool {
	found := false
	_ = filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || found || entry.IsDir() || !slices.Contains(konfig.RecognizedKustomizationFileNames(), entry.Name()) {
			return nil
		}
		content, err := os.ReadFile(path)
		found = err != nil || bytes.Contains(content, []byte("openapi"))
		return nil
	})
	return found
}

func overlay(root, file string, manifest []byte) (filesys.FileSystem, error) {
	disk, err := securefs.MakeFsOnDiskSecure(root)
	if err != nil {
		return nil, err
	}
	fs := securefs.MakeFsInMemory(disk)
	return fs, fs.WriteFile(file, manifest)
}

// substitute replaces post-build variables in each resource's YAML, as kustomize-controller does.
func substitute(resources resmap.ResMap, req *buildRequest) error {
	postBuild, found, _ := unstructured.NestedMap(req.Kustomization, "spec", "postBuild")
	if !found || postBuild == nil {
		return nil
	}
	always := postBuild["substituteStrategy"] == "Always"
	variables := make(map[string]any, len(req.Variables))
	for name, value := range req.Variables {
		variables[name] = value
	}
	resolved := unstructured.Unstructured{Object: map[string]any{
		"spec": map[string]any{"postBuild": map[string]any{"substitute": variables}},
	}}
	for _, res := range resources.Resources() {
		changed, err := kustomize.SubstituteVariables(context.Background(), nil, resolved, res,
			kustomize.SubstituteWithDryRun(true),
			kustomize.SubstituteWithStrict(req.Strict),
			kustomize.SubstituteWithAlways(always))
		if err != nil {
			return &failure{
				Kind:    "substitute",
				Message: fmt.Sprintf("post build failed for '%s/%s': %v", res.GetKind(), res.GetName(), err),
				File:    "",
			}
		}
		if changed != nil {
			if _, err := resources.Replace(res); err != nil {
				return err
			}
		}
	}
	return nil
}

func collect(resources resmap.ResMap, origins []string, req *buildRequest, maxOutput int) (*buildResult, error) {
	document, err := resources.AsYaml()
	if err != nil {
		return nil, err
	}
	if len(document) > maxOutput {
		return nil, &failure{Kind: "too_large", Message: fmt.Sprintf("the rendered objects are larger than %d MiB", maxOutput>>20)}
	}
	sum := sha256.Sum256(document)
	result := &buildResult{
		Objects: []json.RawMessage{},
		Origins: []string{},
		Digest:  "sha256:" + hex.EncodeToString(sum[:]),
	}
	common, _, _ := unstructured.NestedMap(req.Kustomization, "spec", "commonMetadata")
	for i, res := range resources.Resources() {
		raw, err := res.MarshalJSON()
		if err != nil {
			return nil, err
		}
		var object unstructured.Unstructured
		if err := object.UnmarshalJSON(raw); err != nil {
			return nil, &failure{Kind: "invalid_object", Message: err.Error(), File: origins[i]}
		}
		if object.GetAPIVersion() == "" || object.GetKind() == "" || object.GetName() == "" {
			return nil, &failure{
				Kind:    "invalid_object",
				Message: fmt.Sprintf("%s: object without apiVersion, kind or metadata.name: %s", origins[i], shownID(&object)),
				File:    origins[i],
			}
		}
		if req.Normalize {
			if err := refuseEncrypted(&object, origins[i]); err != nil {
				return nil, err
			}
			if err := normalized(&object); err != nil {
				return nil, &failure{Kind: "build_failed", Message: err.Error(), File: origins[i]}
			}
		}
		setCommonMetadata(&object, common)
		if raw, err = object.MarshalJSON(); err != nil {
			return nil, err
		}
		result.Objects = append(result.Objects, raw)
		result.Origins = append(result.Origins, origins[i])
	}
	return result, nil
}

func shownID(object *unstructured.Unstructured) string {
	return fmt.Sprintf("apiVersion=%q kind=%q name=%q", object.GetAPIVersion(), object.GetKind(), object.GetName())
}

func setCommonMetadata(object *unstructured.Unstructured, common map[string]any) {
	merge := func(key string, have map[string]string, set func(map[string]string)) {
		extra, _, _ := unstructured.NestedStringMap(common, key)
		if len(extra) == 0 {
			return
		}
		if have == nil {
			have = map[string]string{}
		}
		for name, value := range extra {
			have[name] = value
		}
		set(have)
	}
	merge("labels", object.GetLabels(), object.SetLabels)
	merge("annotations", object.GetAnnotations(), object.SetAnnotations)
}

func originsOf(resources resmap.ResMap, root, dir string) []string {
	base, err := filepath.Rel(root, dir)
	if err != nil {
		base = ""
	}
	origins := make([]string, 0, resources.Size())
	for _, res := range resources.Resources() {
		origin, err := res.GetOrigin()
		if err != nil || origin == nil || origin.Path == "" {
			origins = append(origins, "")
			continue
		}
		origins = append(origins, filepath.Join(base, origin.Path))
	}
	return origins
}
