// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// How a build looked at a path. What a look would find now is its state; a build whose looks all find what
// they found before has the same outcome. Each may cover more than was read, never less.
const (
	lookStat   = "s" // whether it is a file, a folder or nothing
	lookFile   = "f" // its content
	lookNames  = "l" // what a folder holds, by name and type
	lookTree   = "t" // everything below a folder, with content
	lookSchema = "o" // whether a kustomization of the whole tree may set an OpenAPI schema
)

// maxReads is how many looks are worth remembering: a larger build is built anew each time.
const maxReads = 5000

// A treeState answers what looks find in one unpacked tree, which nobody writes into; nothing is read twice.
type treeState struct {
	root  string
	known map[string]string
}

func newTreeState(root string) *treeState { return &treeState{root, map[string]string{}} }

// of returns the state of a look ("f app/web.yaml"): a digest, a type, or "-" for nothing.
func (t *treeState) of(look string) string {
	state, known := t.known[look]
	if !known {
		kind, path, _ := strings.Cut(look, " ")
		state = t.find(kind, filepath.Join(t.root, filepath.Clean("/"+path)))
		t.known[look] = state
	}
	return state
}

// namesSchema tells whether a kustomization file of the tree may set an OpenAPI schema.
func (t *treeState) namesSchema() bool { return t.of(lookSchema+" .") == "true" }

func (t *treeState) find(kind, path string) string {
	if kind == lookSchema {
		return fmt.Sprint(namesSchema(t.root))
	}
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return "-"
	case kind == lookStat || (kind == lookFile && info.IsDir()):
		return typeOf(info.Mode())
	case kind == lookFile:
		content, err := os.ReadFile(path)
		if err != nil {
			return "!" + err.Error()
		}
		return digestOf(content)
	case kind == lookNames:
		return t.names(path)
	default:
		return t.tree(path)
	}
}

func (t *treeState) names(path string) string {
	entries, err := os.ReadDir(path)
	if err != nil {
		return "!" + err.Error()
	}
	sum := sha256.New()
	for _, entry := range entries {
		fmt.Fprintf(sum, "%s %q\n", typeOf(entry.Type()), entry.Name())
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (t *treeState) tree(path string) string {
	sum := sha256.New()
	err := filepath.WalkDir(path, func(found string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(path, found)
		content := ""
		if !entry.IsDir() {
			inside, _ := filepath.Rel(t.root, found)
			content = t.of(lookFile + " " + inside)
		}
		_, err = fmt.Fprintf(sum, "%s %q %s\n", typeOf(entry.Type()), relative, content)
		return err
	})
	if err != nil {
		return "!" + err.Error()
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func typeOf(mode fs.FileMode) string {
	if mode.IsDir() {
		return "d"
	}
	return "f"
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// A readSet notes the looks of one build. One that cannot be written down makes the whole worthless.
type readSet struct {
	root    string
	looks   map[string]struct{}
	useless bool
}

func newReadSet(root string) *readSet { return &readSet{root: root, looks: map[string]struct{}{}} }

func (r *readSet) note(kind, path string) {
	relative, err := filepath.Rel(r.root, path)
	if !filepath.IsAbs(path) || err != nil || !filepath.IsLocal(relative) {
		r.useless = true
		return
	}
	r.looks[kind+" "+relative] = struct{}{}
}

// noteGenerated notes what the generated kustomization.yaml of a folder is made of: the one that is there, or
// where there is none every manifest below.
func (r *readSet) noteGenerated(dir string, components []string) {
	r.note(lookStat, dir)
	there := false
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		path := filepath.Join(dir, name)
		r.note(lookFile, path)
		info, err := os.Lstat(path)
		there = there || (err == nil && !info.IsDir())
	}
	if !there {
		r.note(lookTree, dir)
	}
	for _, component := range components {
		r.note(lookStat, filepath.Join(dir, component))
	}
	r.note(lookSchema, r.root)
}

// states returns the looks with what they find, or nothing when the build is to be repeated each time.
func (r *readSet) states(tree *treeState) map[string]string {
	if r.useless || len(r.looks) > maxReads {
		return nil
	}
	found := make(map[string]string, len(r.looks))
	for look := range r.looks {
		found[look] = tree.of(look)
	}
	return found
}

// A recordingFS is a file system that notes each look. What is generated lies over the tree in memory: its
// looks count as looks at what lies beneath.
type recordingFS struct {
	filesys.FileSystem
	reads *readSet
}

func (f recordingFS) Open(path string) (filesys.File, error) {
	f.reads.note(lookFile, path)
	return f.FileSystem.Open(path)
}

func (f recordingFS) IsDir(path string) bool {
	f.reads.note(lookStat, path)
	return f.FileSystem.IsDir(path)
}

func (f recordingFS) ReadDir(path string) ([]string, error) {
	f.reads.note(lookNames, path)
	return f.FileSystem.ReadDir(path)
}

func (f recordingFS) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	f.reads.note(lookStat, path)
	return f.FileSystem.CleanedAbs(path)
}

func (f recordingFS) Exists(path string) bool {
	f.reads.note(lookStat, path)
	return f.FileSystem.Exists(path)
}

func (f recordingFS) Glob(pattern string) ([]string, error) {
	f.reads.note(lookTree, f.reads.root)
	return f.FileSystem.Glob(pattern)
}

func (f recordingFS) ReadFile(path string) ([]byte, error) {
	f.reads.note(lookFile, path)
	return f.FileSystem.ReadFile(path)
}

func (f recordingFS) Walk(path string, walk filepath.WalkFunc) error {
	f.reads.note(lookTree, path)
	return f.FileSystem.Walk(path, walk)
}

// An unchangedRequest asks of each set of looks whether it finds in a tree what it found before.
type unchangedRequest struct {
	Artifact string                       `json:"artifact"`
	Digest   string                       `json:"digest"`
	Sets     map[string]map[string]string `json:"sets"`
}

// An unchangedResult names, for each set that finds something else, one path at which it does.
type unchangedResult struct {
	Changed map[string]string `json:"changed"`
}

func unchanged(e *engine, req *unchangedRequest) (*unchangedResult, error) {
	tree, err := e.trees.open(req.Artifact, req.Digest)
	if err != nil {
		return nil, err
	}
	result := &unchangedResult{Changed: map[string]string{}}
	for name, looks := range req.Sets {
		if path, changed := tree.firstChange(looks); changed {
			result.Changed[name] = path
		}
	}
	return result, nil
}

// firstChange returns the path of a look that finds something else; a file before what only covers it.
func (t *treeState) firstChange(looks map[string]string) (string, bool) {
	path, changed := "", false
	for look, before := range looks {
		if t.of(look) == before {
			continue
		}
		kind, at, _ := strings.Cut(look, " ")
		if !changed || kind == lookFile || at < path {
			path, changed = at, true
		}
		if kind == lookFile {
			return path, true
		}
	}
	return path, changed
}
