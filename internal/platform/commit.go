package platform

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// Commit is the one that is checked out in a folder, "" where there is none. It
// is for records and reports only: were it in an image, every commit would
// restart every service.
func Commit(root string) string {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, "git", "rev-parse", "--verify", "--quiet", "HEAD")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
