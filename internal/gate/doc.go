// Package gate decides whether a release may begin: it looks for what a release
// of an environment has to show (Preflight), and for the approvals of people
// (Decide). Whatever it cannot find out is a no, with the reason.
package gate
