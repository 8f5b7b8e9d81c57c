package database

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Address is where a database is and how to log in, from a postgres:// URL. It
// prints without its password.
type Address struct {
	Host     string // name, address, or the folder of a Unix socket
	Port     int
	User     string
	Database string

	password string
	settings map[string]string // libpq settings such as sslmode
}

// settings that libpq and pgx both know, with libpq's variable. All others in
// a URL belong to some driver (schema=, pgbouncer=, connection_limit=) and
// would be refused by the server.
var settingVariables = map[string]string{
	"application_name":     "PGAPPNAME",
	"channel_binding":      "PGCHANNELBINDING",
	"connect_timeout":      "PGCONNECT_TIMEOUT",
	"options":              "PGOPTIONS",
	"sslcert":              "PGSSLCERT",
	"sslkey":               "PGSSLKEY",
	"sslmode":              "PGSSLMODE",
	"sslrootcert":          "PGSSLROOTCERT",
	"target_session_attrs": "PGTARGETSESSIONATTRS",
}

const shapeHint = "it looks like postgres://user:password@host:5432/database"

func badURL(hint, why string) error { return failf(BadURL, "read the database URL", hint, "%s", why) }

// ParseURL reads a postgres:// or postgresql:// URL. Its errors never quote the
// URL: what looks like a port to a parser may be half of a password.
func ParseURL(raw string) (Address, error) {
	if strings.TrimSpace(raw) == "" {
		return Address{}, badURL(shapeHint, "it is empty")
	}
	if strings.ContainsAny(raw, unprintable) {
		return Address{}, badURL(shapeHint, "it contains a line break or a zero byte")
	}
	u, err := url.Parse(strings.TrimSpace(raw))
	if err != nil {
		return Address{}, badURL("special characters in a password must be percent-encoded, such as %2F for a slash and %40 for an at sign; only one host may be named", "it is not a valid URL")
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return Address{}, badURL(shapeHint, "it does not start with postgres:// or postgresql://")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, badURL(shapeHint, "what follows the question mark is not valid")
	}
	a := Address{Host: u.Hostname(), User: u.User.Username(), Database: strings.TrimPrefix(u.Path, "/"), settings: map[string]string{}}
	a.password, _ = u.User.Password()
	port := cmp.Or(a.override(query), u.Port(), "5432")
	if a.Port, err = strconv.Atoi(port); err != nil || a.Port < 1 || a.Port > 65535 {
		return Address{}, badURL(shapeHint, "the port is not a number from 1 to 65535")
	}
	if err := a.complete(); err != nil {
		return Address{}, err
	}
	return a, nil
}

const unprintable = "\x00\r\n"

// override takes what stands behind the question mark, which counts more than what
// is before it, and returns the port, "" if there is none.
func (a *Address) override(query url.Values) (port string) {
	for key, values := range query {
		value := values[len(values)-1]
		switch key {
		case "host":
			a.Host = value
		case "port":
			port = value
		case "user":
			a.User = value
		case "password":
			a.password = value
		case "dbname":
			a.Database = value
		default:
			if _, ok := settingVariables[key]; ok {
				a.settings[key] = value
			}
		}
	}
	// JDBC's and Prisma's word; the exact one counts more.
	if ssl := query.Get("ssl"); (ssl == "true" || ssl == "1") && a.settings["sslmode"] == "" {
		a.settings["sslmode"] = "require"
	}
	return port
}

// complete fails unless an address has all that is needed to connect.
func (a *Address) complete() error {
	for _, part := range []string{a.Host, a.User, a.Database, a.password} {
		if strings.ContainsAny(part, unprintable) {
			return badURL(shapeHint, "a part of it contains a line break or a zero byte")
		}
	}
	switch {
	case a.Host == "":
		return badURL(shapeHint, "it names no host")
	case strings.Contains(a.Host, ","):
		return badURL("name the primary alone", "it names several hosts")
	case a.User == "":
		return badURL(shapeHint, "it names no user")
	case a.Database == "":
		return badURL(shapeHint, "it names no database")
	}
	return nil
}

// String is the address without its password.
func (a Address) String() string {
	if a.Socket() {
		return fmt.Sprintf("%s at %s", a.Database, a.Host)
	}
	return fmt.Sprintf("%s at %s", a.Database, net.JoinHostPort(a.Host, strconv.Itoa(a.Port)))
}

// GoString keeps the password out of %#v as well.
func (a Address) GoString() string { return "database.Address{" + a.String() + "}" }

// Socket tells whether the host is the folder of a Unix socket.
func (a Address) Socket() bool { return strings.HasPrefix(a.Host, "/") }

// Loopback tells whether the database is on this very machine, so that a
// container needs a tunnel to reach it.
func (a Address) Loopback() bool {
	ip := net.ParseIP(strings.Trim(a.Host, "[]"))
	return a.Socket() || strings.EqualFold(a.Host, "localhost") || ip != nil && ip.IsLoopback()
}

// On is another database of the same server, with the same login.
func (a Address) On(database string) Address {
	a.Database = database
	return a
}

// Through is the same database reached by another host and port, such as the
// container's end of a tunnel.
func (a Address) Through(host string, port int) Address {
	a.Host, a.Port = host, port
	return a
}

// URL is the whole address. It holds the password: for environments of
// subprocesses only, never for arguments, logs or errors.
func (a Address) URL() string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(a.User, a.password), Path: "/" + a.Database}
	if a.password == "" {
		u.User = url.User(a.User)
	}
	query := url.Values{}
	for key, value := range a.settings {
		query.Set(key, value)
	}
	if a.Socket() {
		query.Set("host", a.Host)
		query.Set("port", strconv.Itoa(a.Port))
	} else {
		u.Host = net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// dsn is what pgx is given. Every setting is named, so that PG* variables of
// the shell cannot redirect or change the connection.
func (a Address) dsn() string {
	settings := map[string]string{
		"host": a.Host, "port": strconv.Itoa(a.Port), "user": a.User, "dbname": a.Database, "password": a.password,
		"sslmode": "prefer", "connect_timeout": "10", "application_name": "slipway", "target_session_attrs": "any", "options": "",
	}
	for key, value := range a.settings {
		settings[key] = value
	}
	var parts []string
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for key, value := range settings {
		parts = append(parts, key+"='"+escape.Replace(value)+"'")
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// Redact replaces the password of a URL by xxxxx, and all of it where a password
// could be that cannot be told apart.
func Redact(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "xxxxx"
	}
	a, err := ParseURL(raw)
	if err == nil {
		if a.password != "" {
			a.password = "xxxxx"
		}
		return a.URL()
	}
	if strings.ContainsAny(rest, "@?#") {
		return scheme + "://xxxxx"
	}
	return raw
}
