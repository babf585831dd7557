// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"

	gcpkms "cloud.google.com/go/kms/apiv1"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/dimchansky/utfbom"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"sigs.k8s.io/yaml"
)

// An azureFile is the file that Flux documents, or what `az ad sp create-for-rbac` prints.
type azureFile struct {
	TenantID            string `json:"tenantId"`
	ClientID            string `json:"clientId"`
	ClientSecret        string `json:"clientSecret"`
	Certificate         string `json:"clientCertificate"`
	CertificatePassword string `json:"clientCertificatePassword"`
	SendChain           bool   `json:"clientCertificateSendChain"`
	AuthorityHost       string `json:"authorityHost"`

	AppID    string `json:"appId"`
	Tenant   string `json:"tenant"`
	Password string `json:"password"`
}

func readAzure(network *network, value []byte) (azcore.TokenCredential, error) {
	text, err := decodeText(value)
	if err != nil {
		return nil, fmt.Errorf("failed to decode Azure authentication file bytes: %w", err)
	}
	var file azureFile
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("failed to unmarshal Azure authentication file: %w", err)
	}
	options := azcore.ClientOptions{Cloud: cloud.AzurePublic, Transport: network.client()}
	if file.AuthorityHost != "" {
		options.Cloud = cloud.Configuration{
			ActiveDirectoryAuthorityHost: file.AuthorityHost,
			Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{},
		}
	}
	switch {
	case file.TenantID != "" && file.ClientID != "" && file.ClientSecret != "":
		return azureSecret(file.TenantID, file.ClientID, file.ClientSecret, options)
	case file.TenantID != "" && file.ClientID != "" && file.Certificate != "":
		certificates, key, err := azidentity.ParseCertificates([]byte(file.Certificate), []byte(file.CertificatePassword))
		if err != nil {
			return nil, err
		}
		return azidentity.NewClientCertificateCredential(file.TenantID, file.ClientID, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, SendCertificateChain: file.SendChain})
	case file.Tenant != "" && file.AppID != "" && file.Password != "":
		return azureSecret(file.Tenant, file.AppID, file.Password, options)
	case file.ClientID != "":
		return nil, errors.New("a clientId alone asks for the managed identity of the machine, which Fairway does not use")
	default:
		return nil, fmt.Errorf("invalid data: requires a '%s' field, a combination of '%s', '%s' and '%s', or '%s', '%s' and '%s'",
			"clientId", "tenantId", "clientId", "clientSecret", "tenantId", "clientId", "clientCertificate")
	}
}

func azureSecret(tenant, client, secret string, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	return azidentity.NewClientSecretCredential(tenant, client, secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options})
}

// decodeText reads the encodings in which PowerShell writes the file.
func decodeText(value []byte) ([]byte, error) {
	reader, encoding := utfbom.Skip(bytes.NewReader(value))
	text, err := io.ReadAll(reader)
	if err != nil || (encoding != utfbom.UTF16LittleEndian && encoding != utfbom.UTF16BigEndian) {
		return text, err
	}
	if len(text)%2 != 0 {
		return nil, io.ErrUnexpectedEOF
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		first, second := uint16(text[2*i]), uint16(text[2*i+1])
		if encoding == utfbom.UTF16LittleEndian {
			first, second = second, first
		}
		units[i] = first<<8 | second
	}
	return []byte(string(utf16.Decode(units))), nil
}

// readGCP takes the kinds of credentials that are complete in themselves. The others name files, addresses
// and programs to be read, asked and run on our machine.
func readGCP(network *network, value []byte) (oauth2.TokenSource, error) {
	var read struct {
		Type google.CredentialsType `json:"type"`
	}
	if err := json.Unmarshal(value, &read); err != nil {
		return nil, err
	}
	if read.Type != google.ServiceAccount && read.Type != google.AuthorizedUser {
		return nil, fmt.Errorf("credentials of type %q are not used by Fairway, only service_account and authorized_user", read.Type)
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, network.client())
	found, err := google.CredentialsFromJSONWithType(ctx, bytes.Trim(value, "\n"), read.Type, gcpkms.DefaultAuthScopes()...)
	if err != nil {
		return nil, err
	}
	return found.TokenSource, nil
}
