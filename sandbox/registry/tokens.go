// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/registry/auth/token"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	tokenPath = "/token"
	keyID     = "sandbox"
	// Who does not log in may pull what lies below it, as from a public registry.
	publicPrefix = "public/"
)

// tokens answers with tokens as distribution's specification has it.
type tokens struct {
	users  users
	life   time.Duration
	signer jose.Signer
}

// newTokens makes a new key, whose public half is in the returned file.
func newTokens(dir string, all users, life time.Duration) (*tokens, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: key.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"},
	}})
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(dir, "jwks.json")
	if err := os.WriteFile(file, public, 0o600); err != nil {
		return nil, "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, nil,
	)
	return &tokens{all, life, signer}, file, err
}

// ServeHTTP grants of the scopes what its user may do; a wrong login is refused, none is anonymous.
func (t *tokens) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	var who *user
	if name, password, given := request.BasicAuth(); given {
		if who = t.users.find(name, password); who == nil {
			writer.Header().Set("WWW-Authenticate", `Basic realm="`+realm+`"`)
			http.Error(writer, `{"details":"incorrect username or password"}`, http.StatusUnauthorized)
			return
		}
	}
	query, now := request.URL.Query(), time.Now()
	claims := token.ClaimSet{
		Issuer: realm, Subject: subject(who), Audience: []string{query.Get("service")},
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiration: now.Add(t.life).Unix(),
		Access: granted(who, query["scope"]),
	}
	signed, err := jwt.Signed(t.signer).Claims(claims).Serialize()
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	writer.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(writer).Encode(map[string]any{
		"token": signed, "expires_in": int(t.life.Seconds()), "issued_at": now.UTC().Format(time.RFC3339),
	})
}

func subject(who *user) string {
	if who == nil {
		return ""
	}
	return who.name
}

// granted reads scopes such as repository:apps/web:pull,push, of which several may stand in one text.
func granted(who *user, scopes []string) []*token.ResourceActions {
	access := []*token.ResourceActions{}
	for _, scope := range strings.Fields(strings.Join(scopes, " ")) {
		kind, rest, _ := strings.Cut(scope, ":")
		at := strings.LastIndex(rest, ":")
		if kind != "repository" || at < 0 {
			continue
		}
		name, actions := rest[:at], strings.Split(rest[at+1:], ",")
		if who == nil || !strings.HasPrefix(name, who.prefix) {
			actions = slices.DeleteFunc(actions, func(action string) bool {
				return action != "pull" || !strings.HasPrefix(name, publicPrefix)
			})
		}
		if len(actions) > 0 {
			access = append(access, &token.ResourceActions{Type: kind, Name: name, Actions: actions})
		}
	}
	return access
}
