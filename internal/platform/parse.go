package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// A platform of hundreds of services fits well into these; what does not was
// not written by hand, or is meant to hurt.
const (
	maxBytes = 1 << 20
	maxNodes = 50_000 // after aliases are followed
	maxDepth = 100
)

// Parse reads a slipway.yaml and fills in its defaults. The error is Problems:
// every mistake that can be seen without looking at other files. The file's
// name appears in the problems only.
func Parse(file string, data []byte) (*Platform, error) {
	p, _, problems := parse(file, data)
	if len(problems) > 0 {
		return nil, problems
	}
	return p, nil
}

// parse also returns the places of everything in the file, for later checks.
func parse(file string, data []byte) (*Platform, *document, Problems) {
	doc := &document{file: file, at: map[string]*yaml.Node{}, keys: map[string]*yaml.Node{}, budget: maxNodes}
	node, problem := document1(data)
	if problem != nil {
		problem.File = file
		return nil, doc, Problems{*problem}
	}
	doc.root = node
	// Another version may call everything else differently, so its problems would mislead.
	if version(doc); len(doc.problems) > 0 {
		return nil, doc, doc.problems.sorted()
	}
	p := decodePlatform(doc)
	p.fillDefaults()
	validate(p, doc)
	if len(doc.problems) > 0 {
		return nil, doc, doc.problems.sorted()
	}
	p.Order = releaseOrder(p)
	p.fillFlows()
	return p, doc, nil
}

// document1 returns the root node of the only document in data.
func document1(data []byte) (*yaml.Node, *Problem) {
	if len(data) > maxBytes {
		return nil, &Problem{Line: 1, Column: 1, Message: fmt.Sprintf("the file has %d bytes, expected at most %d", len(data), maxBytes), Hint: "is this really a slipway.yaml?"}
	}
	if line, column, ok := firstInvalid(data); ok {
		return nil, &Problem{Line: line, Column: column, Message: "expected UTF-8, found another encoding", Hint: "save the file as UTF-8"}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var node yaml.Node
	if err := decoder.Decode(&node); errors.Is(err, io.EOF) || err == nil && isEmpty(&node) {
		return nil, &Problem{Line: 1, Column: 1, Message: "the file is empty, expected a platform", Hint: "`slipway init --force` writes one from what it finds"}
	} else if err != nil {
		return nil, syntaxProblem(err, data)
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		return nil, &Problem{Line: max(second.Line, 1), Column: max(second.Column, 1), Message: "a second document starts here, expected one", Hint: "remove the --- and what follows it"}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxProblem(err, data)
	}
	return node.Content[0], nil
}

func isEmpty(n *yaml.Node) bool {
	return len(n.Content) == 0 || n.Content[0].Kind == yaml.ScalarNode && n.Content[0].ShortTag() == "!!null"
}

func firstInvalid(data []byte) (line, column int, found bool) {
	line, column = 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			return line, column, true
		}
		if column++; r == '\n' {
			line, column = line+1, 1
		}
		data = data[size:]
	}
	return 0, 0, false
}

var (
	lineInError = regexp.MustCompile(`line (\d+): `)
	// The library counts lines from 0 in the errors of its parser, and from 1
	// in those of its scanner.
	parserError = regexp.MustCompile(`^did not find expected (node content|key|'-' indicator|<document start>|',' or)`)
)

// syntaxProblem turns the parser's error, a sentence, into a place.
func syntaxProblem(err error, data []byte) *Problem {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := lineInError.FindStringSubmatchIndex(message); m != nil {
		line, _ = strconv.Atoi(message[m[2]:m[3]])
		message = message[:m[0]] + message[m[1]:]
	}
	if parserError.MatchString(message) {
		line++
	}
	lines := bytes.Split(data, []byte("\n"))
	line = min(max(line, 1), len(lines))
	text := lines[line-1]
	problem := &Problem{Line: line, Column: 1 + len(text) - len(bytes.TrimLeft(text, " ")), Message: "not YAML: " + message}
	if strings.Contains(message, "cannot start any token") {
		problem.Hint = "indent with spaces, and quote a value that starts with a special character"
	}
	return problem
}

// version refuses what this Slipway does not know before it judges the rest.
func version(doc *document) {
	if doc.root.Kind != yaml.MappingNode {
		doc.add(doc.root, "expected keys such as version, name and services, found "+kindOf(doc.root), "")
		return
	}
	for i := 0; i+1 < len(doc.root.Content); i += 2 {
		if doc.root.Content[i].Value != "version" {
			continue
		}
		value := doc.root.Content[i+1]
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!int" && value.Value != "1" {
			doc.add(value, "version "+shown(value)+" is unknown, expected 1", "this Slipway knows version 1 only: install the Slipway that this file was written for, or write version: 1 and correct what is then reported")
		}
		return
	}
	doc.add(doc.root, "version is missing, expected version: 1", "begin the file with version: 1")
}
