package release

import (
	"os"
	"os/user"

	"github.com/teei/slipway/internal/ledger"
)

// HolderOf says who releases: on a runner its workflow run and who started it,
// elsewhere the person at this machine.
func HolderOf(getenv func(string) string) ledger.Holder {
	host, _ := os.Hostname() // without it, the person is known
	person := getenv("USER")
	if known, err := user.Current(); err == nil && person == "" {
		person = known.Username
	}
	h := ledger.Holder{Person: person, Host: host, Pid: os.Getpid()}
	if id := getenv("GITHUB_RUN_ID"); id != "" {
		h.Person = getenv("GITHUB_ACTOR")
		h.Run = getenv("GITHUB_SERVER_URL") + "/" + getenv("GITHUB_REPOSITORY") + "/actions/runs/" + id
	}
	return h
}
