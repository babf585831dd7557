// SPDX-License-Identifier: Apache-2.0

// Command sops makes keys and encrypts with SOPS, for tests: a JSON object on stdin, one on stdout.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	extage "filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	"github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/azkv"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/gcpkms"
	"github.com/getsops/sops/v3/hcvault"
	"github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/keyservice"
	"github.com/getsops/sops/v3/kms"
	"github.com/getsops/sops/v3/pgp"
	"golang.org/x/net/context"
)

type request struct {
	Data           []byte `json:"data"`
	Format         string `json:"format"`
	EncryptedRegex string `json:"encryptedRegex"`
	Age            string `json:"age"`
	PGP            string `json:"pgp"`
	Vault          string `json:"vault"`
	AWS            string `json:"aws"`
	Azure          string `json:"azure"`
	GCP            string `json:"gcp"`
}

func main() {
	var req request
	var answer any
	err := json.NewDecoder(os.Stdin).Decode(&req)
	if err == nil && req.Format == "" {
		answer, err = newKeys()
	} else if err == nil {
		answer, err = encrypt(&req)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newKeys() (map[string]string, error) {
	identity, err := extage.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	entity, err := openpgp.NewEntity("Test", "", "test@example.com", nil)
	if err != nil {
		return nil, err
	}
	var private bytes.Buffer
	out, err := armor.Encode(&private, openpgp.PrivateKeyType, nil)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(entity.SerializePrivate(out, nil), out.Close()); err != nil {
		return nil, err
	}
	return map[string]string{
		"age":       identity.String(),
		"recipient": identity.Recipient().String(),
		"pgp":       private.String(),
	}, nil
}

// A server encrypts the data key: really for age and PGP, and as it is for the others.
type server struct{ ring openpgp.EntityList }

func (s server) Decrypt(context.Context, *keyservice.DecryptRequest) (*keyservice.DecryptResponse, error) {
	return nil, errors.New("not here")
}

func (s server) Encrypt(_ context.Context, req *keyservice.EncryptRequest) (*keyservice.EncryptResponse, error) {
	switch key := req.Key.KeyType.(type) {
	case *keyservice.Key_AgeKey:
		master := age.MasterKey{Recipient: key.AgeKey.Recipient}
		err := master.Encrypt(req.Plaintext)
		return &keyservice.EncryptResponse{Ciphertext: []byte(master.EncryptedKey)}, err
	case *keyservice.Key_PgpKey:
		var text bytes.Buffer
		out, err := armor.Encode(&text, "PGP MESSAGE", nil)
		if err != nil {
			return nil, err
		}
		in, err := openpgp.Encrypt(out, s.ring, nil, &openpgp.FileHints{IsBinary: true}, nil)
		if err != nil {
			return nil, err
		}
		_, err = in.Write(req.Plaintext)
		err = errors.Join(err, in.Close(), out.Close())
		return &keyservice.EncryptResponse{Ciphertext: text.Bytes()}, err
	default:
		return &keyservice.EncryptResponse{Ciphertext: []byte(base64.StdEncoding.EncodeToString(req.Plaintext))}, nil
	}
}

func masters(req *request) (sops.KeyGroup, openpgp.EntityList, error) {
	var group sops.KeyGroup
	var ring openpgp.EntityList
	add := func(given string, key func() keys.MasterKey) {
		if given != "" {
			group = append(group, key())
		}
	}
	if req.PGP != "" {
		var err error
		if ring, err = openpgp.ReadArmoredKeyRing(bytes.NewReader([]byte(req.PGP))); err != nil {
			return nil, nil, err
		}
		group = append(group, pgp.NewMasterKeyFromFingerprint(hex.EncodeToString(ring[0].PrimaryKey.Fingerprint)))
	}
	add(req.Age, func() keys.MasterKey { return &age.MasterKey{Recipient: req.Age} })
	add(req.Vault, func() keys.MasterKey { return hcvault.NewMasterKey(req.Vault, "transit", "key") })
	add(req.AWS, func() keys.MasterKey { return kms.NewMasterKeyFromArn(req.AWS, nil, "") })
	add(req.Azure, func() keys.MasterKey { return azkv.NewMasterKey(req.Azure, "key", "1") })
	add(req.GCP, func() keys.MasterKey { return gcpkms.NewMasterKeyFromResourceID(req.GCP) })
	return group, ring, nil
}

func encrypt(req *request) (map[string][]byte, error) {
	store := common.StoreForFormat(formats.FormatFromString(req.Format), config.NewStoresConfig())
	branches, err := store.LoadPlainFile(req.Data)
	if err != nil {
		return nil, err
	}
	group, ring, err := masters(req)
	if err != nil {
		return nil, err
	}
	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{
		KeyGroups:      []sops.KeyGroup{group},
		EncryptedRegex: req.EncryptedRegex,
		Version:        "3.13.2",
		LastModified:   time.Now().UTC(),
	}}
	services := []keyservice.KeyServiceClient{keyservice.NewCustomLocalClient(server{ring})}
	dataKey, errs := tree.GenerateDataKeyWithKeyServices(services)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	cipher := aes.NewCipher()
	mac, err := tree.Encrypt(dataKey, cipher)
	if err != nil {
		return nil, err
	}
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, dataKey, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		return nil, err
	}
	data, err := store.EmitEncryptedFile(tree)
	return map[string][]byte{"data": data}, err
}
