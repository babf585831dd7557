// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Flux gives an expression no cost it may have, and its check for a time that is over does not leave a loop
// in a loop: each level goes on with the error of the one below. A cost ends them all. A request whose time
// is over gets no further answers.
const (
	mostCost    = 1_000_000 // what the API server allows one expression
	requestTime = 3 * time.Second
)

// An expression with variables is checked against them and has to be a condition; one without is read
// only, since the fields of an object stand in it as names and nobody declares them. A value may be anything.
type expression struct {
	Text      string   `json:"text"`
	Variables []string `json:"variables"`
	Value     bool     `json:"-"`
}

type question struct {
	Expression int `json:"expression"`
	Data       int `json:"data"`
}

// Shared is what all of the data have in common: a webhook's body may be large, and its objects many.
type expressionsRequest struct {
	Expressions []expression      `json:"expressions"`
	Shared      json.RawMessage   `json:"shared"`
	Data        []json.RawMessage `json:"data"`
	Questions   []question        `json:"questions"`
}

// An expressionsResult has a problem for each expression, empty when it compiles, and an answer for each
// question.
type expressionsResult struct {
	Problems []string `json:"problems"`
	Answers  []verity `json:"answers"`
}

type verity struct {
	Holds bool   `json:"holds"`
	Error string `json:"error,omitempty"`
}

// evaluate answers conditions in CEL as Flux does, on the values it has.
func evaluate(_ *engine, req *expressionsRequest) (*expressionsResult, error) {
	result := &expressionsResult{Problems: make([]string, len(req.Expressions)), Answers: make([]verity, len(req.Questions))}
	compiled := make([]cel.Program, len(req.Expressions))
	for i, one := range req.Expressions {
		var err error
		if compiled[i], err = compile(one); err != nil {
			result.Problems[i] = err.Error()
		}
	}
	data, err := decodeAll(req.Data)
	if err != nil {
		return nil, err
	}
	if err := share(req.Shared, data); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(requestTime)
	for i, asked := range req.Questions {
		if asked.Expression >= len(compiled) || asked.Data >= len(data) {
			return nil, &failure{Kind: "internal", Message: fmt.Sprintf("question %d asks for what was not sent", i)}
		}
		if problem := result.Problems[asked.Expression]; problem != "" {
			result.Answers[i].Error = problem
			continue
		}
		text := req.Expressions[asked.Expression].Text
		if time.Now().After(deadline) {
			result.Answers[i] = tooLate(text)
			continue
		}
		result.Answers[i] = holds(text, compiled[asked.Expression], data[asked.Data])
	}
	return result, nil
}

// compile has the settings, the extensions and the words of github.com/fluxcd/pkg/runtime/cel; the tests hold
// it against that.
func compile(one expression) (cel.Program, error) {
	options := []cel.EnvOption{
		cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders(),
	}
	for _, name := range one.Variables {
		options = append(options, cel.Variable(name, cel.ObjectType("google.protobuf.Struct")))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, err
	}
	read := env.Parse
	if len(one.Variables) > 0 {
		read = env.Compile
	}
	tree, issues := read(one.Text)
	if issues != nil {
		return nil, fmt.Errorf("failed to parse the CEL expression '%s': %s", one.Text, issues)
	}
	if got := tree.OutputType(); len(one.Variables) > 0 && !one.Value && got != cel.BoolType {
		return nil, fmt.Errorf("CEL expression output type mismatch: expected %s, got %s", cel.BoolType, got)
	}
	program, err := env.Program(tree,
		cel.EvalOptions(cel.OptOptimize), cel.CostLimit(mostCost), cel.CostTracking(extensions{}))
	if err != nil {
		return nil, fmt.Errorf("failed to create CEL program: %w", err)
	}
	return program, nil
}

// extensions says what calls of the extensions cost, which CEL counts as one each: what they read and write.
type extensions struct{}

var extended = map[string]bool{
	"charAt": true, "indexOf": true, "join": true, "lastIndexOf": true, "lowerAscii": true, "replace": true,
	"reverse": true, "split": true, "substring": true, "trim": true, "upperAscii": true,
	"base64.decode": true, "base64.encode": true, "format": true, "strings.quote": true,
}

func (extensions) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	if !extended[function] {
		return nil
	}
	cost := size(result)
	for _, one := range args {
		cost += size(one)
	}
	cost = cost/10 + 1
	return &cost
}

func size(of ref.Val) uint64 {
	if sized, ok := of.(traits.Sizer); ok {
		if found, ok := sized.Size().(types.Int); ok {
			return uint64(found)
		}
	}
	return 1
}

// decodeAll keeps whole numbers whole, as the objects that Flux evaluates on have them.
func decodeAll(raw []json.RawMessage) ([]map[string]any, error) {
	data := make([]map[string]any, len(raw))
	for i, one := range raw {
		if err := utiljson.Unmarshal(one, &data[i]); err != nil {
			return nil, &failure{Kind: "internal", Message: "unreadable object: " + err.Error()}
		}
	}
	return data, nil
}

func share(raw json.RawMessage, data []map[string]any) error {
	if len(raw) == 0 {
		return nil
	}
	shared, err := decodeAll([]json.RawMessage{raw})
	if err != nil {
		return err
	}
	for i := range data {
		if data[i] == nil {
			data[i] = map[string]any{}
		}
		maps.Copy(data[i], shared[0])
	}
	return nil
}

func tooLate(text string) verity {
	return verity{Error: fmt.Sprintf("failed to evaluate the CEL expression '%s': those before it took too long", text)}
}

func holds(text string, program cel.Program, on map[string]any) verity {
	value, _, err := program.ContextEval(context.Background(), on)
	if err != nil {
		return verity{Error: fmt.Sprintf("failed to evaluate the CEL expression '%s': %s", text, err)}
	}
	result, ok := value.(types.Bool)
	if !ok {
		return verity{Error: fmt.Sprintf("failed to evaluate CEL expression as boolean: '%s'", text)}
	}
	return verity{Holds: bool(result)}
}
