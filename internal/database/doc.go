// Package database backs up, verifies and migrates the platform's PostgreSQL
// database: a dump counts as a backup once it has been restored and compared,
// and a failed migration is shown to have left everything as it was.
package database
