package main

import "dagger.io/dagger"

// broughtPath is where files lie while they are copied to the working directory.
const broughtPath = "/run/slipway/brought"

// bring copies files into the working directory with a command of its own.
// Container.WithDirectory would do, but the engine merges its layers anew for
// whatever runs on top, file by file: 6 s a command with an ordinary node_modules.
func (p *pipeline) bring(c *dagger.Container, files *dagger.Directory) *dagger.Container {
	return c.WithMountedDirectory(broughtPath, files).
		WithExec([]string{"cp", "-R", broughtPath + "/.", "."}).
		WithoutMount(broughtPath)
}
