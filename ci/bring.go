package main

import "dagger.io/dagger"

// broughtPath is where files lie while they are copied to the working directory.
const broughtPath = "/run/slipway/brought"

// copyBrought puts the mounted files into the working directory.
const copyBrought = "cp -R " + broughtPath + "/. ."

// bring copies files into the working directory with a command of its own.
// Container.WithDirectory would do, but the engine merges its layers anew for
// whatever runs on top, file by file: 6 s a command with an ordinary node_modules.
func (p *pipeline) bring(c *dagger.Container, files *dagger.Directory) *dagger.Container {
	return p.bringAnd(c, files, "sh", "-c", copyBrought)
}

// bringAnd is for a command that copies the files by itself, by copyBrought:
// a command less, which counts, as each costs the engine more than a second.
func (p *pipeline) bringAnd(c *dagger.Container, files *dagger.Directory, command ...string) *dagger.Container {
	return c.WithMountedDirectory(broughtPath, files).WithExec(command).WithoutMount(broughtPath)
}
