// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// user may use the repositories whose name begins with prefix.
type user struct {
	name, password, prefix string
}

type users []user

func (all *users) String() string { return fmt.Sprintf("%d users", len(*all)) }

// Set takes one --user.
func (all *users) Set(text string) error {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return fmt.Errorf("it reads name:password, or name:password:prefix")
	}
	one := user{name: parts[0], password: parts[1]}
	if len(parts) == 3 {
		one.prefix = parts[2]
	}
	*all = append(*all, one)
	return nil
}

// find returns the user with that name and password, or nil.
func (all users) find(name, password string) *user {
	for _, one := range all {
		if one.name == name && subtle.ConstantTimeCompare([]byte(one.password), []byte(password)) == 1 {
			return &one
		}
	}
	return nil
}

// writePasswords writes an htpasswd file. Its hashes are cheap ones: the passwords are on the command line.
func (all users) writePasswords(dir string) (string, error) {
	var content bytes.Buffer
	for _, one := range all {
		if one.prefix != "" {
			return "", fmt.Errorf("user %s has a prefix, which only --auth token knows", one.name)
		}
		hash, err := bcrypt.GenerateFromPassword([]byte(one.password), bcrypt.MinCost)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&content, "%s:%s\n", one.name, hash)
	}
	file := filepath.Join(dir, "htpasswd")
	return file, os.WriteFile(file, content.Bytes(), 0o600)
}
