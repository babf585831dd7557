// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	keepTrees   = 8
	maxFiles    = 100_000
	maxUnpacked = 1 << 30
)

// trees keeps the last few artifacts unpacked. Builds never write into them: what a build generates
// lies in memory over the tree.
type trees struct {
	folder string
	order  []string // digests, the least recently used first
	states map[string]*treeState
}

func newTrees(folder string) *trees { return &trees{folder: folder, states: map[string]*treeState{}} }

// open returns the tree of the artifact's files, unpacking it when it is new here.
func (t *trees) open(artifact, digest string) (*treeState, error) {
	name := strings.ReplaceAll(digest, ":", "-")
	if name == "" || filepath.Base(name) != name {
		return nil, &failure{Kind: "internal", Message: fmt.Sprintf("digest %q is none", digest)}
	}
	root := filepath.Join(t.folder, name)
	for i, known := range t.order {
		if known == name {
			t.order = append(append(t.order[:i:i], t.order[i+1:]...), name)
			return t.states[name], nil
		}
	}
	if err := unpack(artifact, digest, root); err != nil {
		return nil, errors.Join(err, os.RemoveAll(root))
	}
	t.order = append(t.order, name)
	t.states[name] = newTreeState(root)
	if len(t.order) > keepTrees {
		old := t.order[0]
		t.order = t.order[1:]
		delete(t.states, old)
		_ = os.RemoveAll(filepath.Join(t.folder, old))
	}
	return t.states[name], nil
}

func unpack(artifact, digest, root string) error {
	file, err := os.Open(artifact)
	if err != nil {
		return &failure{Kind: "artifact", Message: "artifact not found: " + filepath.Base(artifact)}
	}
	defer file.Close()
	sum := sha256.New()
	if err := unpackTar(io.TeeReader(file, sum), root); err != nil {
		return err
	}
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(sum.Sum(nil)); got != digest {
		return &failure{Kind: "artifact", Message: fmt.Sprintf("artifact is damaged: digest %s expected, %s found", digest, got)}
	}
	return nil
}

func unpackTar(in io.Reader, root string) error {
	zipped, err := gzip.NewReader(in)
	if err != nil {
		return &failure{Kind: "artifact", Message: "artifact is not gzip: " + err.Error()}
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	files, bytes := 0, int64(0)
	for archive := tar.NewReader(zipped); ; {
		header, err := archive.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, zipped)
			return err
		}
		if err != nil {
			return &failure{Kind: "artifact", Message: "artifact is not a tar: " + err.Error()}
		}
		files, bytes = files+1, bytes+header.Size
		if files > maxFiles || bytes > maxUnpacked {
			return &failure{Kind: "too_large", Message: fmt.Sprintf("artifact has more than %d files or %d MiB", maxFiles, maxUnpacked>>20)}
		}
		if err := unpackEntry(archive, header, root); err != nil {
			return err
		}
	}
}

func unpackEntry(archive io.Reader, header *tar.Header, root string) error {
	if !filepath.IsLocal(header.Name) {
		return &failure{Kind: "refused", Message: fmt.Sprintf("artifact holds a path out of its tree: %q", header.Name)}
	}
	path := filepath.Join(root, header.Name)
	switch header.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o700)
	case tar.TypeReg:
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, archive)
		return errors.Join(err, out.Close())
	default:
		return &failure{Kind: "refused", Message: fmt.Sprintf("artifact holds %q, which is neither file nor folder", header.Name)}
	}
}
