package main

import (
	"regexp"
	"strconv"
	"strings"
)

// Commands of a Dockerfile reach package registries like all others here: on a
// machine with an own CA they have to trust it. Its certificates are mounted
// while a command runs, and ARG tells programs where: neither stays in the
// image. The history would tell of the ARG, so it is taken out there as well.

const trustSecret = "slipway-ca"

var (
	fromLine   = regexp.MustCompile(`(?im)^[ \t]*FROM[ \t][^\n]*$`)
	runLine    = regexp.MustCompile(`(?im)^[ \t]*RUN[ \t]+`)
	trustTrace = regexp.MustCompile(`(?:NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)=` + regexp.QuoteMeta(caPath) + ` ?`)
	argCount   = regexp.MustCompile(`\|(\d+) `)
)

// trusting makes the commands of a Dockerfile trust this machine's own CA, if
// it has one.
func (a npmAccess) trusting(dockerfile string) string {
	if a.ca == "" {
		return dockerfile
	}
	args := "\nARG NODE_EXTRA_CA_CERTS=" + caPath
	if a.wholeCA {
		args += "\nARG SSL_CERT_FILE=" + caPath
	}
	dockerfile = runLine.ReplaceAllString(dockerfile, "${0}--mount=type=secret,id="+trustSecret+",target="+caPath+",mode=0444 ")
	return fromLine.ReplaceAllString(dockerfile, "${0}"+args)
}

// withoutTrust is a line of an image's history as it were without trusting,
// and whether there was something of it.
func withoutTrust(createdBy string) (line string, found bool) {
	traces := len(trustTrace.FindAllString(createdBy, -1))
	if traces == 0 {
		return createdBy, false
	}
	line = trustTrace.ReplaceAllString(createdBy, "")
	line = argCount.ReplaceAllStringFunc(line, func(count string) string {
		n, err := strconv.Atoi(strings.Trim(count, "| "))
		if err != nil || n <= traces {
			return ""
		}
		return "|" + strconv.Itoa(n-traces) + " "
	})
	return line, true
}
