// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

const gitNamespace = "git" // what Git's own SSH signatures are made for

// A verifyRequest holds what was signed, its armored signature, and whose signatures are trusted: armored
// PGP key rings, and SSH public keys in the form of authorized_keys.
type verifyRequest struct {
	Payload        []byte   `json:"payload"`
	Signature      string   `json:"signature"`
	KeyRings       []string `json:"keyRings"`
	AuthorizedKeys []string `json:"authorizedKeys"`
}

type verifyResult struct {
	Key string `json:"key"` // the PGP key's id, or the SSH key's fingerprint
}

func verify(_ *engine, req *verifyRequest) (*verifyResult, error) {
	armored := strings.TrimSpace(req.Signature)
	var key string
	var err error
	switch {
	case strings.HasPrefix(armored, "-----BEGIN PGP SIGNATURE-----"):
		key, err = verifyPGP(req.Payload, armored, req.KeyRings)
	case strings.HasPrefix(armored, "-----BEGIN SSH SIGNATURE-----"):
		key, err = verifySSH(req.Payload, armored, req.AuthorizedKeys)
	default:
		err = fmt.Errorf("unsupported signature type: %s", signatureType(armored))
	}
	if err != nil {
		return nil, &failure{Kind: "signature", Message: err.Error()}
	}
	return &verifyResult{Key: key}, nil
}

func signatureType(armored string) string {
	switch {
	case armored == "":
		return "empty"
	case strings.HasPrefix(armored, "-----BEGIN SIGNED MESSAGE-----"):
		return "x509"
	}
	return "unknown"
}

func verifyPGP(payload []byte, armored string, rings []string) (string, error) {
	if len(rings) == 0 {
		return "", fmt.Errorf("PGP signature detected but no PGP public keys found in secret (keys with .asc suffix)")
	}
	var unreadable error
	tried := false
	for _, ring := range rings {
		keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(ring))
		if err != nil {
			unreadable = fmt.Errorf("unable to read armored key ring: %w", err)
			continue
		}
		tried = true
		signer, err := openpgp.CheckArmoredDetachedSignature(keys, bytes.NewReader(payload), strings.NewReader(armored), nil)
		if err == nil {
			return signer.PrimaryKey.KeyIdString(), nil
		}
	}
	if !tried {
		return "", unreadable
	}
	return "", fmt.Errorf("unable to verify payload with any of the given key rings")
}

func verifySSH(payload []byte, armored string, lists []string) (string, error) {
	if len(lists) == 0 {
		return "", fmt.Errorf("SSH signature detected but no SSH public keys found in secret (keys with .sshpub suffix)")
	}
	signature, err := sshsig.Unarmor([]byte(armored))
	if err != nil {
		return "", fmt.Errorf("unable to unarmor SSH signature: %w", err)
	}
	var unreadable error
	tried := false
	for _, list := range lists {
		keys, err := publicKeys(list)
		if err != nil {
			unreadable = err
			continue
		}
		tried = true
		for _, key := range keys {
			if sshsig.Verify(bytes.NewReader(payload), signature, key, signature.HashAlgorithm, gitNamespace) == nil {
				return ssh.FingerprintSHA256(key), nil
			}
		}
	}
	if !tried {
		return "", unreadable
	}
	return "", fmt.Errorf("unable to verify payload with any of the given authorized keys")
}

func publicKeys(list string) ([]ssh.PublicKey, error) {
	var keys []ssh.PublicKey
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("unable to parse authorized key: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}
