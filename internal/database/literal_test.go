package database

import "testing"

// What people wrote into a comment is written back as it was, and is never a part of
// the statement: neither way of reading backslashes ends the literal.
func TestLiteral(t *testing.T) {
	for text, want := range map[string]string{
		"it's ours":            "'it''s ours'",
		`C:\data`:              ` E'C:\\data'`,
		`\'; DROP TABLE x; --`: ` E'\\''; DROP TABLE x; --'`,
	} {
		if got := literal(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
