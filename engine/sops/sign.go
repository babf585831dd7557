// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

const gitNamespace = "git" // what Git's own SSH signatures are made for

// A signRequest holds what is to be signed, and the entries of the Secret with the key: git.asc and passphrase
// for a PGP key, identity and password for an SSH key.
type signRequest struct {
	Payload []byte            `json:"payload"`
	Type    string            `json:"type"` // gpg or ssh
	Secret  string            `json:"secret"`
	Keys    map[string][]byte `json:"keys"`
}

type signResult struct {
	Signature string `json:"signature"`
}

func signRequested(with json.RawMessage) (*signResult, error) {
	var req signRequest
	if err := json.Unmarshal(with, &req); err != nil {
		return nil, &failure{Kind: "internal", Message: "unreadable request"}
	}
	signer := map[string]func(*signRequest) (string, error){"gpg": signPGP, "ssh": signSSH}[req.Type]
	if signer == nil {
		return nil, &failure{Kind: "internal", Message: "unknown type of key"}
	}
	signature, err := signer(&req)
	if err != nil {
		return nil, &failure{Kind: "key", Message: withoutKeys(err.Error(), req.Keys)}
	}
	return &signResult{Signature: signature}, nil
}

func signPGP(req *signRequest) (string, error) {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(req.Keys["git.asc"]))
	if err != nil {
		return "", fmt.Errorf("could not read signing key from secret '%s': %w", req.Secret, err)
	}
	if len(ring) != 1 {
		return "", fmt.Errorf("multiple entities read from secret '%s', could not determine which signing key to use", req.Secret)
	}
	entity := ring[0]
	if entity.PrivateKey == nil {
		return "", fmt.Errorf("the key in git.asc of secret '%s' is a public one", req.Secret)
	}
	if err := unlock(entity, req); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&out, entity, bytes.NewReader(req.Payload), nil); err != nil {
		return "", fmt.Errorf("could not sign with the key in secret '%s': %w", req.Secret, err)
	}
	return out.String(), nil
}

// unlock takes the passphrase off the key and off its subkeys, of which one may be the one that signs.
func unlock(entity *openpgp.Entity, req *signRequest) error {
	locked := entity.PrivateKey.Encrypted
	for _, sub := range entity.Subkeys {
		locked = locked || (sub.PrivateKey != nil && sub.PrivateKey.Encrypted)
	}
	if !locked {
		return nil
	}
	passphrase, given := req.Keys["passphrase"]
	if !given {
		return fmt.Errorf("can not use passphrase protected signing key without 'passphrase' field present in secret %s", req.Secret)
	}
	if err := entity.DecryptPrivateKeys(passphrase); err != nil {
		return fmt.Errorf("could not decrypt private key of the signing key present in secret %s: %w", req.Secret, err)
	}
	return nil
}

func signSSH(req *signRequest) (string, error) {
	var signer ssh.Signer
	var err error
	if password := req.Keys["password"]; len(password) > 0 {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(req.Keys["identity"], password)
	} else {
		signer, err = ssh.ParsePrivateKey(req.Keys["identity"])
	}
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		return "", fmt.Errorf("can not use passphrase protected signing key without 'password' field present in secret %s", req.Secret)
	}
	if err != nil {
		return "", fmt.Errorf("could not parse SSH signing key from secret '%s': %w", req.Secret, err)
	}
	signature, err := sshsig.Sign(bytes.NewReader(req.Payload), signer, sshsig.HashSHA512, gitNamespace)
	if err != nil {
		return "", fmt.Errorf("could not sign with the key in secret '%s': %w", req.Secret, err)
	}
	return string(sshsig.Armor(signature)), nil
}
