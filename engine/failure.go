// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A failure is what the caller shows to a person: the kind decides the condition's reason, file is
// relative to the artifact's root, line counts from 1, 0 when unknown.
type failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

func (f *failure) Error() string { return f.Message }

func describe(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	return &failure{Kind: "build_failed", Message: err.Error()}
}

var (
	malformed = regexp.MustCompile(`MalformedYAMLError: yaml: (?:line (\d+): )?(.*?) in File: ([^\s']+)`)
	undecoded = regexp.MustCompile(`failed to decode Kubernetes YAML from (\S+?): (?:.*?yaml: )?(?:line (\d+): )?(.*)`)
	entry     = regexp.MustCompile(`(?s).*(?:accumulating|merging) resources from '([^']+)': (.*)`)
)

// within turns kustomize's nested errors into one sentence about one file. Kustomize reports each attempt
// to read an entry (as a file, as a folder, as a remote repository); only the one that says why is kept.
func within(root, dir string, err error) error {
	var known *failure
	if errors.As(err, &known) && known.Kind != "refused" {
		return known
	}
	text := strings.ReplaceAll(err.Error(), root+string(filepath.Separator), "")
	text = strings.ReplaceAll(text, root, ".")
	if found := malformed.FindStringSubmatch(text); found != nil {
		return at(relative(root, dir, found[3]), found[1], found[2])
	}
	if found := undecoded.FindStringSubmatch(text); found != nil {
		return at(found[1], found[2], found[3])
	}
	found := entry.FindStringSubmatch(text)
	if found == nil {
		return &failure{Kind: "build_failed", Message: "kustomize build failed: " + text}
	}
	if strings.Contains(text, "remote resource refused") || strings.Contains(text, "no 'git' program") {
		return &failure{Kind: "refused", Message: "kustomize build failed: remote base " + found[1] +
			" is refused, since rendering has no network: copy it into the repository"}
	}
	reason, _, _ := strings.Cut(found[2], "': must build at directory")
	return &failure{Kind: "build_failed", Message: "kustomize build failed: " + found[1] + ": " + reason}
}

func at(file, line, message string) *failure {
	number, _ := strconv.Atoi(line)
	place := file
	if number > 0 {
		place += ":" + line
	}
	return &failure{
		Kind:    "build_failed",
		Message: "kustomize build failed: " + place + ": " + message,
		File:    file,
		Line:    number,
	}
}

// relative returns a file named by kustomize, which knows it by its name in the folder it was listed in.
func relative(root, dir, file string) string {
	if base, err := filepath.Rel(root, dir); err == nil && !strings.Contains(file, string(filepath.Separator)) {
		return filepath.Join(base, file)
	}
	return file
}

func shownPath(path string) string {
	if path == "" {
		return "."
	}
	return path
}
