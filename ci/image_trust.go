package main

// Commands of a Dockerfile reach package registries like all others here: on a
// machine with an own CA they have to trust it. Its certificates are mounted
// while a command runs, and ARG tells programs where: neither stays in the image.

const trustSecret = "slipway-ca"

// trusting makes the commands of a Dockerfile trust this machine's own CA, if
// it has one.
func (a npmAccess) trusting(dockerfile string) string {
	if a.ca == "" {
		return dockerfile
	}
	dockerfile = rewrite(dockerfile, func(line string) string {
		return runLine.ReplaceAllString(line, "${0}--mount=type=secret,id="+trustSecret+",target="+caPath+",mode=0444 ")
	})
	args := []string{"NODE_EXTRA_CA_CERTS=" + caPath}
	if a.wholeCA {
		args = append(args, "SSL_CERT_FILE="+caPath)
	}
	return underArgs(dockerfile, args...)
}
