// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
)

const (
	relayPath = "/relay"
	layout    = "docker/registry/v2/repositories"
)

var tagName = regexp.MustCompile(`^\w[\w.-]{0,127}$`)

// newControl is the listener that only the sandbox knows: where notifications go, and many tags at once.
func newControl(ctx context.Context, config *configuration.Configuration, relay *relay) (http.Handler, error) {
	driver, err := factory.Create(ctx, config.Storage.Type(), config.Storage.Parameters())
	if err != nil {
		return nil, err
	}
	registry, err := storage.NewRegistry(ctx, driver)
	if err != nil {
		return nil, err
	}
	root := fmt.Sprint(config.Storage.Parameters()["rootdirectory"])
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+relayPath, relay.pass)
	mux.HandleFunc("GET /webhooks", relay.show)
	mux.HandleFunc("PUT /webhooks", relay.replace)
	mux.HandleFunc("POST /tags", func(writer http.ResponseWriter, request *http.Request) {
		if err := tagMany(request.Context(), registry, root, request.Body); err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
		}
	})
	return mux, nil
}

// tagMany gives a manifest that is there many tags, without a request and a notification for each.
func tagMany(ctx context.Context, registry distribution.Namespace, root string, body io.Reader) error {
	asked := struct {
		Repository string        `json:"repository"`
		Digest     digest.Digest `json:"digest"`
		Tags       []string      `json:"tags"`
	}{}
	if err := json.NewDecoder(body).Decode(&asked); err != nil {
		return err
	}
	name, err := reference.WithName(asked.Repository)
	if err != nil {
		return err
	}
	repository, err := registry.Repository(ctx, name)
	if err != nil {
		return err
	}
	manifests, err := repository.Manifests(ctx)
	if err != nil {
		return err
	}
	if there, err := manifests.Exists(ctx, asked.Digest); err != nil || !there {
		return errors.Join(err, fmt.Errorf("%s has no manifest %s", asked.Repository, asked.Digest))
	}
	for _, tag := range asked.Tags {
		if !tagName.MatchString(tag) {
			return fmt.Errorf("%q cannot be a tag", tag)
		}
		if err := link(filepath.Join(root, layout, name.Name(), "_manifests/tags", tag), asked.Digest); err != nil {
			return err
		}
	}
	return nil
}

// link writes a tag as the registry's own storage has it, but does not wait for the disk: with that, ten
// thousand take a quarter of a minute.
func link(folder string, manifest digest.Digest) error {
	current := filepath.Join(folder, "current")
	if err := os.MkdirAll(current, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(current, "link"), []byte(manifest), 0o600)
}

// relay passes notifications on to URLs that may change while the registry runs, which distribution's own
// endpoints cannot.
type relay struct {
	file   string
	client http.Client
	lock   sync.Mutex
	urls   []string
}

func openRelay(file string) (*relay, error) {
	opened := &relay{file: file, client: http.Client{Timeout: 4 * time.Second}, urls: []string{}}
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return opened, nil
	}
	if err != nil {
		return nil, err
	}
	return opened, json.Unmarshal(content, &opened.urls)
}

func (r *relay) current() []string {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.urls
}

func (r *relay) show(writer http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(writer).Encode(r.current())
}

func (r *relay) replace(writer http.ResponseWriter, request *http.Request) {
	urls := []string{}
	if err := json.NewDecoder(request.Body).Decode(&urls); err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	content, err := json.Marshal(urls)
	if err == nil {
		r.lock.Lock()
		defer r.lock.Unlock()
		r.urls, err = urls, os.WriteFile(r.file, content, 0o600)
	}
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
	}
}

// pass sends a notification on as it came; if one does not take it, distribution sends it again to all.
func (r *relay) pass(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(io.LimitReader(request.Body, 1<<20))
	for _, url := range r.current() {
		err = errors.Join(err, r.send(request, url, body))
	}
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadGateway)
	}
}

func (r *relay) send(request *http.Request, url string, body []byte) error {
	sent, err := http.NewRequestWithContext(request.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sent.Header.Set("Content-Type", request.Header.Get("Content-Type"))
	answer, err := r.client.Do(sent)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s answered %s", url, answer.Status)
	}
	return nil
}
