// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/cel-go/cel"
)

var ofClaims = []string{"claims", "vars"}

type named struct {
	Name       string `json:"name"`
	Expression string `json:"expression"`
}

// A claimsRequest without claims only asks what can be read.
type claimsRequest struct {
	Variables   []named         `json:"variables"`
	Validations []string        `json:"validations"`
	Claims      json.RawMessage `json:"claims"`
}

// A claimsResult has a problem for each variable and then for each validation, empty when it compiles; an
// answer for each variable, which has no more than an error, and then for each validation.
type claimsResult struct {
	Problems []string `json:"problems"`
	Answers  []verity `json:"answers"`
}

// judge answers the conditions that a token's claims have to meet. Each variable is made with those before
// it and stays what CEL made of it, which JSON could not carry back and forth.
func judge(_ *engine, req *claimsRequest) (*claimsResult, error) {
	total := len(req.Variables) + len(req.Validations)
	result := &claimsResult{Problems: make([]string, total), Answers: []verity{}}
	texts := make([]string, 0, total)
	programs := make([]cel.Program, total)
	for _, one := range req.Variables {
		texts = append(texts, one.Expression)
	}
	texts = append(texts, req.Validations...)
	readable := true
	for i, text := range texts {
		var err error
		asked := expression{Text: text, Variables: ofClaims, Value: i < len(req.Variables)}
		if programs[i], err = compile(asked); err != nil {
			result.Problems[i], readable = err.Error(), false
		}
	}
	if len(req.Claims) == 0 || !readable {
		return result, nil
	}
	claims, err := decodeAll([]json.RawMessage{req.Claims})
	if err != nil {
		return nil, err
	}
	vars := map[string]any{}
	data := map[string]any{"claims": claims[0], "vars": vars}
	deadline := time.Now().Add(requestTime)
	for i, program := range programs {
		if time.Now().After(deadline) {
			result.Answers = append(result.Answers, tooLate(texts[i]))
			continue
		}
		if i >= len(req.Variables) {
			result.Answers = append(result.Answers, holds(texts[i], program, data))
			continue
		}
		value, _, err := program.ContextEval(context.Background(), data)
		if err != nil {
			text := fmt.Sprintf("failed to evaluate the CEL expression '%s': %s", texts[i], err)
			result.Answers = append(result.Answers, verity{Error: text})
			continue
		}
		vars[req.Variables[i].Name] = value.Value()
		result.Answers = append(result.Answers, verity{})
	}
	return result, nil
}
