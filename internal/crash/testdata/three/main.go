// Command three passes three points, and one that does not count.
package main

import (
	"context"
	"fmt"

	"github.com/teei/slipway/internal/crash"
)

func main() {
	ctx := context.Background()
	crash.Point(ctx, "first")
	crash.Point(crash.Quiet(ctx), "by the clock")
	crash.Point(ctx, "second")
	fmt.Println("between")
	crash.Point(ctx, "third")
}
