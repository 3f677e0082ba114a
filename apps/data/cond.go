package data

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tandemswitch/tandem/core"
)

const condSyntax = "<a> ==|!=|<|<=|>|>= <b> ? <x> : <y>"

// errCond is FreeSWITCH's reply to what it cannot read.
var errCond = errors.New("-ERR")

// cond compares two texts or numbers and returns one of two results. Numbers
// compare as numbers. Texts, or what is in single quotes, compare as texts with
// == and !=; any other comparison takes the length of a text. Operands stand
// between blanks; an empty one is better written as two single quotes.
func cond() core.Command {
	return function("cond", condSyntax, "choose between two results by a comparison", func(args string) (string, error) {
		left, rest := condOperand(args)
		op, rest := condOperator(rest)
		right, rest := condOperand(rest)
		rest, ok := strings.CutPrefix(strings.TrimLeft(rest, " "), "?")
		if !ok || op == "" {
			return "", errCond
		}
		yes, no, _ := strings.Cut(rest, ":")
		if left.compare(right, op) {
			return strings.TrimSpace(yes), nil
		}
		return strings.TrimSpace(no), nil
	})
}

// condOperators: the longer ones first.
var condOperators = []string{"==", "!=", "<=", ">=", "<", ">"}

// operand is one side of a comparison.
type operand struct {
	text   string
	number float64
	isText bool
}

// condOperand reads up to a blank, or what is in quotes. An operator or "?" in
// its place is an empty operand: a variable that was not set.
func condOperand(text string) (operand, string) {
	text = strings.TrimLeft(text, " ")
	if rest, quoted := strings.CutPrefix(text, "'"); quoted {
		if inside, rest, closed := strings.Cut(rest, "'"); closed {
			return operand{text: inside, isText: true}, rest
		}
	}
	word, rest, _ := strings.Cut(text, " ")
	if word == "?" || slices.Contains(condOperators, word) {
		return operand{isText: true}, text
	}
	n, err := strconv.ParseFloat(word, 64)
	return operand{text: word, number: n, isText: err != nil}, rest
}

func condOperator(text string) (op, rest string) {
	text = strings.TrimLeft(text, " ")
	for _, op := range condOperators {
		if rest, ok := strings.CutPrefix(text, op); ok {
			return op, rest
		}
	}
	return "", text
}

func (a operand) compare(b operand, op string) bool {
	order := cmp.Compare(a.size(), b.size())
	if a.isText && b.isText && (op == "==" || op == "!=") {
		order = strings.Compare(a.text, b.text)
	}
	switch op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

// size is a number, or the length of a text.
func (a operand) size() float64 {
	if a.isText {
		return float64(len(a.text))
	}
	return a.number
}
