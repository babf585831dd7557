// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
)

// A decryptRequest holds one encrypted document, the formats it is in and shall have, and the entries of the
// Secret with the keys; From says in errors what that Secret is.
type decryptRequest struct {
	Data   []byte            `json:"data"`
	Input  string            `json:"input"`
	Output string            `json:"output"`
	Keys   map[string][]byte `json:"keys"`
	From   string            `json:"from"`
}

type decryptResult struct {
	Data []byte `json:"data"`
}

// A format has sops' own number and the name that Flux has for it in messages.
type format struct {
	number formats.Format
	shown  string
}

var knownFormats = map[string]format{
	"binary": {formats.Binary, "binary"},
	"dotenv": {formats.Dotenv, "dotenv"},
	"ini":    {formats.Ini, "INI"},
	"json":   {formats.Json, "JSON"},
	"yaml":   {formats.Yaml, "YAML"},
}

func decryptRequested(network *network, with json.RawMessage) (*decryptResult, error) {
	var req decryptRequest
	if err := json.Unmarshal(with, &req); err != nil {
		return nil, &failure{Kind: "internal", Message: "unreadable request"}
	}
	input, in := knownFormats[req.Input]
	output, out := knownFormats[req.Output]
	if !in || !out {
		return nil, &failure{Kind: "internal", Message: "unknown format"}
	}
	keys, err := readKeys(network, req.Keys, req.From)
	if err != nil {
		return nil, &failure{Kind: "key", Message: withoutKeys(err.Error(), req.Keys)}
	}
	data, err := decrypt(req.Data, input, output, keys)
	if err != nil {
		return nil, &failure{Kind: "decrypt", Message: withoutKeys(err.Error(), req.Keys)}
	}
	return &decryptResult{Data: data}, nil
}

// decrypt does not compare the MAC, as in Flux: kustomize adds to most resources, so that it would never fit.
// Each value is authenticated by itself.
func decrypt(data []byte, input, output format, keys *keys) (plain []byte, err error) {
	emitting := fmt.Sprintf("failed to emit encrypted %s file as decrypted %s", input.shown, output.shown)
	defer func() {
		// Broken input makes sops panic in places.
		if r := recover(); r != nil {
			plain, err = nil, fmt.Errorf("%s: %s", emitting, panicked(r))
		}
	}()
	tree, err := common.StoreForFormat(input.number, config.NewStoresConfig()).LoadEncryptedFile(data)
	if err != nil {
		return nil, fmt.Errorf("failed to load encrypted %s data: %w", input.shown, forUser(err))
	}
	services := []keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(keys)}
	dataKey, err := tree.Metadata.GetDataKeyWithKeyServices(services, sops.DefaultDecryptionOrder)
	if err != nil {
		return nil, fmt.Errorf("cannot get sops data key: %w", forUser(err))
	}
	if _, err := tree.Decrypt(dataKey, aes.NewCipher()); err != nil {
		return nil, fmt.Errorf("error decrypting sops tree: %s", withoutValues(forUser(err).Error()))
	}
	plain, err = common.StoreForFormat(output.number, config.NewStoresConfig()).EmitPlainFile(tree.Branches)
	if err != nil {
		return nil, fmt.Errorf("%s: %s", emitting, emitted(err))
	}
	return plain, nil
}

func forUser(err error) error {
	var known sops.UserError
	if errors.As(err, &known) {
		return errors.New(known.UserError())
	}
	return err
}

var (
	undecodable = regexp.MustCompile(`(?s)Input string .* does not match sops' data format`)
	unparsable  = regexp.MustCompile(`(?s)parsing (time )?".*"`)
)

// withoutValues takes out of an error of the tree the value it stumbled over. Whoever can write to the
// repository could else read a value by changing the type that is noted beside its ciphertext.
func withoutValues(text string) string {
	text = undecodable.ReplaceAllString(text, "Input string <redacted> does not match sops' data format")
	return unparsable.ReplaceAllString(text, `parsing $1"<redacted>"`)
}

// emitted says why decrypted values do not fit a format; sops' own words would name the values.
func emitted(err error) string {
	for _, known := range []string{"cannot use complex value in dotenv file", "no binary data found in tree"} {
		if strings.Contains(err.Error(), known) {
			return known
		}
	}
	return "the decrypted values do not fit this format"
}

func panicked(r any) string {
	if err, ok := r.(runtime.Error); ok {
		return err.Error()
	}
	return "the data is malformed"
}

const shortestKey = 8

// withoutKeys takes whatever line of a key an error may have quoted out of it.
func withoutKeys(text string, keys map[string][]byte) string {
	for _, value := range keys {
		for _, line := range strings.Split(string(value), "\n") {
			if line = strings.TrimSpace(line); len(line) >= shortestKey && !strings.HasPrefix(line, "#") {
				text = strings.ReplaceAll(text, line, "<redacted>")
			}
		}
	}
	return text
}
