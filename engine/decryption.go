// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
)

// The engine has no keys. A build that meets ciphertext answers with it, and is asked again with the
// plaintext, which it keeps in memory for that one build.

// A ciphertext is one document to be decrypted; During begins the sentence that says why it could not be.
type ciphertext struct {
	Key    string `json:"key"`
	Data   []byte `json:"data"`
	Input  string `json:"input"`
	Output string `json:"output"`
	During string `json:"during"`
	File   string `json:"file,omitempty"`
}

// A decryption is the state of one build. It is off when the Kustomization does not ask for it.
type decryption struct {
	on     bool
	known  map[string][]byte
	wanted []ciphertext
	secret [][]byte // what no message may quote
}

const (
	decryptAnnotation = "kustomize.toolkit.fluxcd.io/decrypt"
	disabled          = "disabled"
	shortestSecret    = 4
)

// markers tell an encrypted document from another. A binary one is JSON while it is encrypted.
var markers = map[string][]byte{
	"binary": []byte(`"mac": "ENC[`),
	"dotenv": []byte("sops_mac=ENC["),
	"ini":    []byte("[sops]"),
	"json":   []byte(`"mac": "ENC[`),
	"yaml":   []byte("mac: ENC["),
}

func newDecryption(req *buildRequest) *decryption {
	provider, _, _ := unstructured.NestedString(req.Kustomization, "spec", "decryption", "provider")
	return &decryption{on: provider == "sops", known: req.Decrypted}
}

// plaintext returns the document decrypted, or notes that it is wanted.
func (d *decryption) plaintext(found ciphertext) ([]byte, bool) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", found.Input, found.Output, found.Data))
	found.Key = hex.EncodeToString(sum[:])
	plain, known := d.known[found.Key]
	if !known {
		d.wanted = append(d.wanted, found)
		return nil, false
	}
	// Names of keys are readable in the repository too.
	readable := map[string]bool{}
	for _, word := range bytes.FieldsFunc(found.Data, separates) {
		readable[string(word)] = true
	}
	for _, word := range bytes.FieldsFunc(plain, separates) {
		if len(word) >= shortestSecret && !readable[string(word)] {
			readable[string(word)] = true
			d.secret = append(d.secret, word)
		}
	}
	return plain, true
}

func separates(r rune) bool { return strings.ContainsRune(" \t\r\n=:,;\"'`{}[]()$\\", r) }

// withheld returns the error without its text when that quotes something decrypted.
func (d *decryption) withheld(err error) error {
	if err == nil {
		return nil
	}
	for _, word := range d.secret {
		if !strings.Contains(err.Error(), string(word)) {
			continue
		}
		known := &failure{Kind: "build_failed"}
		_ = errors.As(err, &known)
		return &failure{
			Kind:    known.Kind,
			Message: "kustomize build failed after decryption; the reason is withheld, because it quotes decrypted values",
			File:    known.File,
		}
	}
	return err
}

// resources decrypts what kustomize built: whole resources, and the values of Secrets.
func (d *decryption) resources(built resmap.ResMap) error {
	if !d.on {
		return nil
	}
	for _, res := range built.Resources() {
		if strings.EqualFold(res.GetAnnotations()[decryptAnnotation], disabled) {
			continue
		}
		changed, err := d.resource(res)
		if err != nil {
			return &failure{Kind: "build_failed", Message: failedFor(res) + err.Error()}
		}
		if changed {
			if _, err := built.Replace(res); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *decryption) resource(res *resource.Resource) (bool, error) {
	if encryptedResource(res) {
		return d.whole(res)
	}
	if res.GetKind() != "Secret" {
		return false, nil
	}
	values := res.GetDataMap()
	for key, value := range values {
		data, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			continue // it is refused when it is applied
		}
		input := formatOf(data)
		if input == "" {
			continue
		}
		during := failedFor(res) + fmt.Sprintf("failed to decrypt and format '%s/%s' Secret field '%s': ",
			res.GetNamespace(), res.GetName(), key)
		if plain, ok := d.plaintext(ciphertext{Data: data, Input: input, Output: formatFor(key), During: during}); ok {
			values[key] = base64.StdEncoding.EncodeToString(plain)
		}
	}
	// Also when nothing was encrypted, as in Flux: it decides how the values are quoted, and so the digest.
	res.SetDataMap(values)
	return true, nil
}

func (d *decryption) whole(res *resource.Resource) (bool, error) {
	data, err := res.MarshalJSON()
	if err != nil {
		return false, err
	}
	subject := fmt.Sprintf("'%s/%s' %s", res.GetNamespace(), res.GetName(), res.GetKind())
	during := failedFor(res) + "failed to decrypt and format " + subject + " data: "
	plain, ok := d.plaintext(ciphertext{Data: data, Input: "json", Output: "json", During: during})
	if !ok {
		return false, nil
	}
	if err := res.UnmarshalJSON(plain); err != nil {
		return false, fmt.Errorf("failed to unmarshal decrypted %s to JSON: %w", subject, err)
	}
	return true, nil
}

func failedFor(res *resource.Resource) string {
	return fmt.Sprintf("decryption failed for '%s/%s': ", res.GetGvk(), res.GetName())
}

func encryptedResource(res *resource.Resource) bool {
	sops := res.Field("sops")
	return !sops.IsNilOrEmpty() && !sops.Value.Field("mac").IsNilOrEmpty()
}

// refuseEncrypted stops before a Secret is applied as it lies in the repository.
func refuseEncrypted(object *unstructured.Unstructured, file string) error {
	if object.GetKind() != "Secret" || object.GetAPIVersion() != "v1" || object.Object["sops"] == nil ||
		strings.EqualFold(object.GetAnnotations()[decryptAnnotation], disabled) {
		return nil
	}
	name := "Secret/" + object.GetName()
	if namespace := object.GetNamespace(); namespace != "" {
		name = "Secret/" + namespace + "/" + object.GetName()
	}
	return &failure{
		Kind:    "encrypted",
		Message: name + " is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
		File:    file,
	}
}

func formatOf(data []byte) string {
	for _, format := range []string{"yaml", "json", "dotenv", "ini"} {
		if bytes.Contains(data, markers[format]) {
			return format
		}
	}
	return ""
}

func formatFor(path string) string {
	switch {
	case strings.HasSuffix(path, ".dockerconfigjson"), strings.HasSuffix(path, ".json"):
		return "json"
	case strings.HasSuffix(path, ".yaml"), strings.HasSuffix(path, ".yml"):
		return "yaml"
	case strings.HasSuffix(path, ".env"):
		return "dotenv"
	case strings.HasSuffix(path, ".ini"):
		return "ini"
	default:
		return "binary"
	}
}
