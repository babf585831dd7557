// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/azkv"
	"github.com/getsops/sops/v3/gcpkms"
	"github.com/getsops/sops/v3/hcvault"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/kms"
)

// Decrypt answers sops, which asks for the data key of a document, one master key after the other. Only
// what the Secret holds is used, never an identity of the machine we run on.
func (k *keys) Decrypt(ctx context.Context, req *keyservice.DecryptRequest) (*keyservice.DecryptResponse, error) {
	plain, err := k.dataKey(ctx, req.Key, string(req.Ciphertext))
	if err != nil {
		return nil, err
	}
	return &keyservice.DecryptResponse{Plaintext: plain}, nil
}

// Encrypt is part of sops' interface.
func (k *keys) Encrypt(context.Context, *keyservice.EncryptRequest) (*keyservice.EncryptResponse, error) {
	return nil, errors.New("nothing is encrypted here")
}

func (k *keys) dataKey(ctx context.Context, key *keyservice.Key, encrypted string) ([]byte, error) {
	switch asked := key.KeyType.(type) {
	case *keyservice.Key_AgeKey:
		return k.withAge(asked.AgeKey, encrypted)
	case *keyservice.Key_PgpKey:
		return k.withPGP(encrypted)
	case *keyservice.Key_VaultKey:
		return k.withVault(ctx, asked.VaultKey, encrypted)
	case *keyservice.Key_KmsKey:
		return k.withAWS(ctx, asked.KmsKey, encrypted)
	case *keyservice.Key_AzureKeyvaultKey:
		return k.withAzure(ctx, asked.AzureKeyvaultKey, encrypted)
	case *keyservice.Key_GcpKmsKey:
		return k.withGCP(ctx, asked.GcpKmsKey, encrypted)
	default:
		return nil, errors.New("keys of this kind are not served")
	}
}

func missing(entry string) error {
	return fmt.Errorf("the decryption Secret has no entry '%s'", entry)
}

func (k *keys) withAge(key *keyservice.AgeKey, encrypted string) ([]byte, error) {
	if len(k.age) == 0 {
		return nil, missing("*" + ageEnding)
	}
	master := age.MasterKey{Recipient: key.Recipient, EncryptedKey: encrypted}
	k.age.ApplyToMasterKey(&master)
	return master.Decrypt()
}

func (k *keys) withPGP(encrypted string) ([]byte, error) {
	if len(k.pgp) == 0 {
		return nil, missing("*" + pgpEnding)
	}
	block, err := armor.Decode(strings.NewReader(encrypted))
	if err != nil {
		return nil, fmt.Errorf("failed to decrypt sops data key with pgp: %w", err)
	}
	message, err := openpgp.ReadMessage(block.Body, k.pgp, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("failed to decrypt sops data key with pgp: %w", err)
	}
	return io.ReadAll(message.UnverifiedBody)
}

func (k *keys) withVault(ctx context.Context, key *keyservice.VaultKey, encrypted string) ([]byte, error) {
	if k.vaultToken == "" {
		return nil, missing(vaultEntry)
	}
	master := hcvault.MasterKey{VaultAddress: key.VaultAddress, EnginePath: key.EnginePath, KeyName: key.KeyName}
	master.EncryptedKey = encrypted
	hcvault.Token(k.vaultToken).ApplyToMasterKey(&master)
	hcvault.NewHTTPClient(k.network.client()).ApplyToMasterKey(&master)
	return master.DecryptContext(ctx)
}

func (k *keys) withAWS(ctx context.Context, key *keyservice.KmsKey, encrypted string) ([]byte, error) {
	if k.aws == nil {
		return nil, missing(awsEntry)
	}
	given := make(map[string]*string, len(key.Context))
	for name, value := range key.Context {
		given[name] = &value
	}
	master := kms.MasterKey{Arn: key.Arn, Role: key.Role, EncryptionContext: given, EncryptedKey: encrypted}
	kms.NewCredentialsProvider(k.aws).ApplyToMasterKey(&master)
	kms.NewHTTPClient(k.network.client()).ApplyToMasterKey(&master)
	return master.DecryptContext(ctx)
}

func (k *keys) withAzure(ctx context.Context, key *keyservice.AzureKeyVaultKey, encrypted string) ([]byte, error) {
	if k.azure == nil {
		return nil, missing(azureEntry)
	}
	master := azkv.MasterKey{VaultURL: key.VaultUrl, Name: key.Name, Version: key.Version, EncryptedKey: encrypted}
	azkv.NewTokenCredential(k.azure).ApplyToMasterKey(&master)
	azkv.NewClientOptions(&azkeys.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: k.network.client()},
	}).ApplyToMasterKey(&master)
	return master.DecryptContext(ctx)
}

func (k *keys) withGCP(ctx context.Context, key *keyservice.GcpKmsKey, encrypted string) ([]byte, error) {
	if k.gcp == nil {
		return nil, missing(gcpEntry)
	}
	master := gcpkms.MasterKey{ResourceID: key.ResourceId, EncryptedKey: encrypted}
	gcpkms.NewTokenSource(k.gcp).ApplyToMasterKey(&master)
	return master.DecryptContext(ctx)
}
