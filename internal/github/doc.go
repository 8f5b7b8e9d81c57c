// Package github asks GitHub what gates are decided on: runs, environments,
// reviews, teams, checks, alerts; and tells it of deployments. What GitHub does
// not answer plainly is an error, and never a yes.
package github
