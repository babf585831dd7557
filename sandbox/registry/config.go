// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	// They register themselves with distribution by name.
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

const realm = "sandbox"

// configure makes distribution's configuration, and the server of tokens when there is one.
func configure(asked options, public, internal string) (*configuration.Configuration, http.Handler, error) {
	address, err := url.Parse(public)
	if err != nil {
		return nil, nil, err
	}
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": filepath.Join(asked.dir, "data")},
			"delete":     {"enabled": true},
			// Nothing here lives long enough for a purge.
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
		Notifications: configuration.Notifications{Endpoints: []configuration.Endpoint{{
			Name:      "relay",
			URL:       internal + relayPath,
			Timeout:   5 * time.Second,
			Threshold: 3,
			Backoff:   500 * time.Millisecond,
			Ignore: configuration.Ignore{
				MediaTypes: []string{"application/octet-stream"},
				Actions:    []string{"pull", "mount"},
			},
		}}},
	}
	config.Catalog.MaxEntries = 1000
	config.Tags.MaxTags = asked.maxTags
	config.HTTP.Addr = address.Host
	config.HTTP.Secret = realm // for uploads that several registries share; without one it warns
	switch asked.auth {
	case "none":
		return config, nil, nil
	case "basic":
		file, err := asked.users.writePasswords(asked.dir)
		if err != nil {
			return nil, nil, err
		}
		config.Auth = configuration.Auth{"htpasswd": {"realm": realm, "path": file}}
		return config, nil, nil
	case "token":
		tokens, file, err := newTokens(asked.dir, asked.users, asked.tokenLife)
		if err != nil {
			return nil, nil, err
		}
		config.Auth = configuration.Auth{"token": {
			"realm": public + tokenPath, "issuer": realm, "service": address.Host, "jwks": file,
		}}
		return config, tokens, nil
	}
	return nil, nil, fmt.Errorf("--auth %s is not known: none, basic or token", asked.auth)
}
