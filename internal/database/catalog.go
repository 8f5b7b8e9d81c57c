package database

import (
	"context"
	_ "embed"

	"github.com/jackc/pgx/v5"
)

// catalogSQL lists every object that somebody made in a database, with what
// defines it. Objects of initdb and of extensions are left out.
//
//go:embed catalog.sql
var catalogSQL string

// object is one thing in a database's catalog.
type object struct {
	Kind       string // table, index, table constraint, …, as pg_identify_object calls it
	Name       string // qualified and quoted where needed
	Definition string
}

func readCatalog(ctx context.Context, conn *pgx.Conn) ([]object, error) {
	return collect(ctx, conn, pgx.RowToStructByPos[object], catalogSQL)
}
