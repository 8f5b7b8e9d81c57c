// Package github is a stand-in for GitHub: the part of its REST API that gates
// need, with a memory, and a page on which a person approves. Every request and
// every answer is held against GitHub's own description of its API, openapi.json
// (a subset of @octokit/openapi 23.0.2, MIT). What the description does not say
// and this stand-in assumes stands in ASSUMPTIONS.md.
package github
