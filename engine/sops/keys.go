// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/getsops/sops/v3/age"
	"golang.org/x/oauth2"
	"sigs.k8s.io/yaml"
)

// The entries of a decryption Secret: two by their ending, the others by their whole name.
const (
	pgpEnding  = ".asc"
	ageEnding  = ".agekey"
	vaultEntry = "sops.vault-token"
	awsEntry   = "sops.aws-kms"
	azureEntry = "sops.azure-kv"
	gcpEntry   = "sops.gcp-kms"
)

// keys are those of one request; a field is empty when the Secret has no entry for it.
type keys struct {
	network    *network
	age        age.ParsedIdentities
	pgp        openpgp.EntityList
	vaultToken string
	aws        aws.CredentialsProvider
	azure      azcore.TokenCredential
	gcp        oauth2.TokenSource
}

func readKeys(network *network, entries map[string][]byte, from string) (*keys, error) {
	found := &keys{network: network}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if err := found.add(name, entries[name]); err != nil {
			return nil, fmt.Errorf("failed to import '%s' data from %s: %w", name, from, err)
		}
	}
	return found, nil
}

func (k *keys) add(name string, value []byte) (err error) {
	switch {
	case filepath.Ext(name) == pgpEnding:
		var entities openpgp.EntityList
		entities, err = readArmored(value)
		k.pgp = append(k.pgp, entities...)
	case filepath.Ext(name) == ageEnding:
		err = k.age.Import(string(value))
	case name == vaultEntry:
		k.vaultToken = strings.TrimSpace(string(value))
	case name == awsEntry:
		k.aws, err = readAWS(value)
	case name == azureEntry:
		k.azure, err = readAzure(k.network, value)
	case name == gcpEntry:
		k.gcp, err = readGCP(k.network, value)
	}
	return err
}

// readArmored reads all the keys of a text, which may be one armoured block after another.
func readArmored(text []byte) (openpgp.EntityList, error) {
	in := bufio.NewReaderSize(bytes.NewReader(text), 4096)
	var found openpgp.EntityList
	for {
		block, err := armor.Decode(in)
		if errors.Is(err, io.EOF) && len(found) > 0 {
			return found, nil
		}
		if err != nil {
			return nil, errors.New("failed to import armored key data: no armored PGP key in it")
		}
		entities, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, fmt.Errorf("failed to import armored key data: %w", err)
		}
		found = append(found, entities...)
	}
}

func readAWS(value []byte) (aws.CredentialsProvider, error) {
	var read struct {
		ID      string `json:"aws_access_key_id"`
		Secret  string `json:"aws_secret_access_key"`
		Session string `json:"aws_session_token"`
	}
	if err := yaml.Unmarshal(value, &read); err != nil {
		return nil, fmt.Errorf("failed to unmarshal AWS credentials file: %w", err)
	}
	return credentials.NewStaticCredentialsProvider(read.ID, read.Secret, read.Session), nil
}
