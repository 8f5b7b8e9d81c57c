// Package gatekeeper is a custom deployment protection rule: GitHub tells it by a
// webhook that a job waits for an environment, and it approves, rejects or says
// what it waits for. A webhook that was taken is kept on disk until it is
// decided, and is decided once.
package gatekeeper
