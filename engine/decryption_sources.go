// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const maxEncryptedFile = 5 << 20

// A sourceWalk decrypts, in memory over the tree, the files that kustomize reads as they are: those of Secret
// generators, and patches. Paths are relative to the root, which none of them leaves: an artifact has no links.
type sourceWalk struct {
	*decryption
	fs      filesys.FileSystem
	root    string
	folders map[string]bool
	files   map[string]bool
}

// errNotWalked says that an entry is no folder of ours: a file, a remote base, or nothing.
var errNotWalked = errors.New("not walked")

// sources follows the kustomization files from a folder on, before kustomize runs.
func (d *decryption) sources(files filesys.FileSystem, root, dir string) error {
	if !d.on {
		return nil
	}
	walk := &sourceWalk{d, files, root, map[string]bool{}, map[string]bool{}}
	if err := walk.folder(walk.relative("", dir)); err != nil {
		return &failure{Kind: "build_failed", Message: "error decrypting sources: " + err.Error()}
	}
	return nil
}

// relative resolves a path named in a folder, or an absolute one, and keeps it below the root.
func (w *sourceWalk) relative(folder, path string) string {
	if filepath.IsAbs(path) {
		folder, path = "", strings.TrimPrefix(filepath.Clean(path), w.root)
	}
	return strings.TrimPrefix(filepath.Join("/", folder, path), "/")
}

func (w *sourceWalk) folder(path string) error {
	if w.folders[path] {
		return nil
	}
	w.folders[path] = true
	if info, err := os.Lstat(filepath.Join(w.root, path)); err != nil || !info.IsDir() {
		return errNotWalked
	}
	found, err := w.kustomization(path)
	if err != nil {
		return err
	}
	if err := w.named(path, found); err != nil {
		return err
	}
	for _, entry := range append(found.Resources, found.Components...) {
		if err := w.folder(w.relative(path, entry)); err != nil && !errors.Is(err, errNotWalked) {
			return err
		}
	}
	return nil
}

func (w *sourceWalk) kustomization(path string) (*types.Kustomization, error) {
	chosen := ""
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := filepath.Join(w.root, path, name)
		switch {
		case !w.fs.Exists(file):
		case w.fs.IsDir(file):
			return nil, fmt.Errorf("expected %s to be a regular file", name)
		case chosen != "":
			return nil, errors.New("found multiple kustomization files")
		default:
			chosen = file
		}
	}
	if chosen == "" {
		return nil, errors.New("no kustomization file found")
	}
	content, err := w.fs.ReadFile(chosen)
	if err != nil {
		return nil, fmt.Errorf("failed to read kustomization file: %w", err)
	}
	var found types.Kustomization
	if err := yaml.Unmarshal(content, &found); err != nil {
		return nil, fmt.Errorf("failed to unmarshal kustomization file from '%s': %w", w.relative("", chosen), err)
	}
	return &found, nil
}

// named decrypts the files that one kustomization file names.
func (w *sourceWalk) named(folder string, found *types.Kustomization) error {
	for _, generator := range found.SecretGenerator {
		for _, source := range generator.FileSources {
			key, path, split := strings.Cut(source, "=")
			if !split {
				path = key
			}
			if err := w.file(w.relative(folder, path), formatFor(key)); err != nil {
				return err
			}
		}
		for _, path := range generator.EnvSources {
			format := formatFor(path)
			if format == "binary" {
				format = "dotenv"
			}
			if err := w.file(w.relative(folder, path), format); err != nil {
				return err
			}
		}
	}
	for _, patch := range found.Patches {
		if at, err := url.Parse(patch.Path); patch.Path == "" || (err == nil && at.Scheme != "" && at.Host != "") {
			continue
		}
		if err := w.file(w.relative(folder, patch.Path), formatFor(patch.Path)); err != nil {
			return err
		}
	}
	return nil
}

func (w *sourceWalk) file(path, format string) error {
	if w.files[path] {
		return nil
	}
	absolute := filepath.Join(w.root, path)
	info, err := os.Lstat(absolute)
	if err != nil {
		return &fs.PathError{Op: "lstat", Path: path, Err: errors.Unwrap(err)}
	}
	if !info.Mode().IsRegular() {
		return errors.New("cannot decrypt irregular file as it has file mode type bits set")
	}
	if info.Size() > maxEncryptedFile {
		return fmt.Errorf("%s: cannot decrypt file with size (%d bytes) exceeding limit (%d)", path, info.Size(), maxEncryptedFile)
	}
	data, err := w.fs.ReadFile(absolute)
	if err != nil {
		return err
	}
	w.files[path] = true
	if !bytes.Contains(data, markers[format]) {
		return nil
	}
	plain, ok := w.plaintext(ciphertext{
		Data: data, Input: format, Output: format, During: "error decrypting sources: " + path + ": ", File: path,
	})
	if !ok {
		return nil
	}
	return w.fs.WriteFile(absolute, plain)
}
