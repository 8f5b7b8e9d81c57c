package database

import (
	"errors"
	"fmt"
	"os"
)

// nameless makes a file that loses its name before anything is in it: whatever
// ends this process, a kill -9 too, ends the data. The path leads to it for as
// long as it is open here, also for children such as pg_restore.
func nameless(dir string) (file *os.File, path string, err error) {
	if file, err = os.CreateTemp(dir, "slipway-"); err != nil { // which only its owner reads
		return nil, "", err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, "", errors.Join(err, file.Close())
	}
	return file, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd()), nil
}
